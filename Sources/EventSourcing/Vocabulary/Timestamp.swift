#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A moment of the years 0000 to 9999 in UTC, which are those that RFC 3339 can write: whole microseconds since
/// 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// There is no other: so arithmetic on a moment cannot overflow, and its text is read back as the same moment.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    /// `0000-01-01T00:00:00.000000Z`
    public static let earliest = Timestamp(microseconds: .min)

    /// `9999-12-31T23:59:59.999999Z`
    public static let latest = Timestamp(microseconds: .max)

    /// The microseconds of ``earliest`` to those of ``latest``.
    private static let range: ClosedRange<Int64> = -62_167_219_200_000_000...253_402_300_799_999_999

    /// A moment from microseconds since 1970-01-01T00:00:00Z; from a number before ``earliest`` or after ``latest``, the
    /// nearer of the two.
    public init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, Self.range.lowerBound), Self.range.upperBound)
    }

    /// A moment from microseconds that a peer, a file or a store gave; nil if no moment has them.
    public init?(exactMicroseconds microseconds: Int64) {
        guard Self.range.contains(microseconds) else { return nil }
        self.microseconds = microseconds
    }

    /// The system's clock. For the edges only: neither `decide` nor `apply` may read a clock.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Earlier before later.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// RFC 3339 in UTC with six fractional digits: `2026-01-02T03:04:05.678901Z`.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.textSize) { buffer in
            writeText(to: UnsafeMutableRawBufferPointer(buffer))
            return Self.textSize
        }
    }

    /// The number of bytes of ``description``.
    public static let textSize = 27

    /// Writes the bytes of ``description`` into the first ``textSize`` of `bytes`.
    ///
    /// The civil-date arithmetic is that of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    public func writeText(to bytes: UnsafeMutableRawBufferPointer) {
        let day = microseconds.floorDivided(by: 86_400_000_000)
        var rest = microseconds - day * 86_400_000_000
        let shifted = day + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let hour = rest / 3_600_000_000
        rest -= hour * 3_600_000_000
        let minute = rest / 60_000_000
        rest -= minute * 60_000_000
        let second = rest / 1_000_000
        rest -= second * 1_000_000
        var at = 0
        func put(_ value: Int64, digits: Int, then separator: Unicode.Scalar) {
            var value = value
            for place in (at..<(at + digits)).reversed() {
                bytes[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
                value /= 10
            }
            bytes[at + digits] = UInt8(ascii: separator)
            at += digits + 1
        }
        put(year, digits: 4, then: "-")
        put(month, digits: 2, then: "-")
        put(dayOfMonth, digits: 2, then: "T")
        put(hour, digits: 2, then: ":")
        put(minute, digits: 2, then: ":")
        put(second, digits: 2, then: ".")
        put(rest, digits: 6, then: "Z")
    }
}

extension Int64 {
    /// Division that rounds towards negative infinity, so that days before 1970 come out right.
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
