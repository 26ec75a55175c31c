public import EventSourcing

/// When a hold is to expire, as the client says it.
public enum HoldExpiry: Hashable, Sendable {
    /// At a moment.
    case at(Timestamp)
    /// So many seconds after it is placed: 1 to ``maxSeconds``.
    case after(seconds: Int64)

    /// Ten thousand years: no hold can expire later, whenever it is placed.
    public static let maxSeconds: Int64 = 10_000 * 366 * 86_400

    /// The units in which a client may count, and their seconds.
    private static let units: [(suffix: Character, seconds: Int64)] = [
        ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400),
    ]

    /// Reads a duration such as `30s`, `10m`, `2h` or `7d`; nil for another form, zero, and more than ``maxSeconds``.
    init?(durationText text: String) {
        guard let suffix = text.last, let unit = Self.units.first(where: { $0.suffix == suffix }),
            text.utf8.count <= 20, text.utf8.dropLast().allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            let count = Int64(text.dropLast())
        else { return nil }
        let (seconds, isOverflow) = count.multipliedReportingOverflow(by: unit.seconds)
        guard !isOverflow, (1...Self.maxSeconds).contains(seconds) else { return nil }
        self = .after(seconds: seconds)
    }

    /// The moment; nil if it is not after `time`, or beyond the year 9999.
    func moment(placedAt time: Timestamp) -> Timestamp? {
        switch self {
        case .at(let moment): moment > time ? moment : nil
        // Both are far from the ends of Int64.
        case .after(let seconds): Timestamp(exactMicroseconds: time.microseconds + seconds * 1_000_000)
        }
    }
}
