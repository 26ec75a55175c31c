internal import EventSourcing

/// A time as people write it.
enum TimeArgument {
    /// The first moment of year 1.
    private static let earliest: Int64 = -62_135_596_800_000_000

    /// The time as RFC 3339 has it. What is not understood here comes back as it is: the service judges it.
    ///
    /// - `2026-01-02`, `2026-01-02T03:04` or `2026-01-02T03:04:05`: UTC, a date its first moment.
    /// - `90s ago`, `10m ago`, `1h ago`, `2d ago`, `1w ago`, `now`: by this machine's clock.
    /// - a time of RFC 3339.
    static func rfc3339(_ text: String, now: Timestamp = .now()) -> String {
        if text == "now" { return now.description }
        if let past = past(text, before: now) { return past.description }
        for ending in ["T00:00:00Z", ":00Z", "Z"] {
            if Timestamp(rfc3339: text + ending) != nil { return text + ending }
        }
        return text
    }

    private static func past(_ text: String, before now: Timestamp) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 2 || words.count == 3, words.last == "ago" else { return nil }
        let amount = words.dropLast().joined()
        let digits = amount.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let count = Int64(digits), let seconds = units[String(amount.dropFirst(digits.count))] else { return nil }
        let (microseconds, isTooLong) = count.multipliedReportingOverflow(by: seconds * 1_000_000)
        let (moment, isBeforeTime) = now.microseconds.subtractingReportingOverflow(microseconds)
        guard !isTooLong, !isBeforeTime, moment >= earliest else { return nil }
        return Timestamp(microseconds: moment)
    }
}
