extension Timestamp {
    /// Reads a time of RFC 3339, such as `2026-01-02T03:04:05.678901Z` or `2026-01-02T04:04:05+01:00`; nil for anything
    /// else, and if the moment is not within the years 0000 to 9999 in UTC, as `9999-12-31T23:59:59-01:00`. Digits beyond
    /// the microsecond are cut off; a leap second counts as the first of the next minute, and one at the very end as ``latest``.
    public init?(rfc3339 text: some StringProtocol) {
        var reader = Reader(text: Array(text.utf8))
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2, in: 1...12),
            reader.take("-"), let day = reader.number(digits: 2, in: 1...Self.days(in: month, of: year)),
            reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(digits: 2, in: 0...23), reader.take(":"),
            let minute = reader.number(digits: 2, in: 0...59), reader.take(":"),
            let second = reader.number(digits: 2, in: 0...60), let fraction = reader.fraction(),
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let minutes = (Self.daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset
        // At most five digits of years: far from the end of Int64.
        let microseconds = (minutes * 60 + second) * 1_000_000 + fraction
        if second == 60, Timestamp(exactMicroseconds: microseconds) == nil,
            Timestamp(exactMicroseconds: minutes * 60_000_000) != nil
        {
            self = .latest
        } else {
            self.init(exactMicroseconds: microseconds)
        }
    }

    /// After Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms", as ``description``.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private struct Reader {
        let text: [UInt8]
        private var at = 0

        init(text: [UInt8]) { self.text = text }

        var isAtEnd: Bool { at == text.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard at < text.count, text[at] == UInt8(ascii: character) else { return false }
            at += 1
            return true
        }

        private mutating func digit() -> Int64? {
            guard at < text.count, text[at] &- UInt8(ascii: "0") < 10 else { return nil }
            defer { at += 1 }
            return Int64(text[at] - UInt8(ascii: "0"))
        }

        mutating func number(digits: Int, in range: ClosedRange<Int64> = 0...9999) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return range.contains(value) ? value : nil
        }

        /// The microseconds; 0 where there is no fraction.
        mutating func fraction() -> Int64? {
            guard take(".") else { return 0 }
            guard let first = digit() else { return nil }
            var value = first
            var digits = 1
            while let next = digit() {
                if digits < 6 { value = value * 10 + next }
                digits += 1
            }
            while digits < 6 {
                value *= 10
                digits += 1
            }
            return value
        }

        /// The minutes that the time is ahead of UTC.
        mutating func offset() -> Int64? {
            if take("Z") || take("z") { return 0 }
            let isAhead = take("+")
            guard isAhead || take("-"), let hours = number(digits: 2, in: 0...23), take(":"),
                let minutes = number(digits: 2, in: 0...59)
            else { return nil }
            return (isAhead ? 1 : -1) * (hours * 60 + minutes)
        }
    }
}
