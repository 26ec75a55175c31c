import EventSourcing
import TestSupport
import Testing

@Suite struct TimestampParsingTests {
    /// All that four digits of a year can say, in microseconds.
    private static let writable = -62_167_219_200_000_000...253_402_300_799_999_999 as ClosedRange<Int64>

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `any time comes back from its text`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let time = Timestamp(microseconds: .random(in: Self.writable, using: &generator))
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test(arguments: [
        ("0000-01-01T00:00:00Z", writable.lowerBound), ("9999-12-31T23:59:59.999999Z", writable.upperBound),
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-01-02T03:04:05.678901Z", 1_767_323_045_678_901), ("2026-01-02t03:04:05.678901z", 1_767_323_045_678_901),
        ("2026-01-02 03:04:05.678901Z", 1_767_323_045_678_901),
        ("2026-01-02T04:04:05.678901+01:00", 1_767_323_045_678_901),
        ("2026-01-01T21:34:05.678901-05:30", 1_767_323_045_678_901),
        ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T23:59:00+23:59", 0), ("1969-12-31T00:01:00-23:59", 0),
    ])
    func `the forms of RFC 3339 are read`(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text) == Timestamp(microseconds: microseconds))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `the same moment is read from every offset`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let moment = Int64.random(in: -62_000_000_000_000_000...253_000_000_000_000_000, using: &generator)
            let offset = Int64.random(in: -1439...1439, using: &generator)
            let local = Timestamp(microseconds: moment + offset * 60_000_000).description.dropLast()
            let (hours, minutes) = abs(offset).quotientAndRemainder(dividingBy: 60)
            let text = "\(local)\(offset < 0 ? "-" : "+")\(twoDigits(hours)):\(twoDigits(minutes))"
            #expect(Timestamp(rfc3339: text)?.microseconds == moment, "\(text)")
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `digits beyond the microsecond are cut off, missing ones are zeros`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for count in 1...30 {
            let digits = (0..<count).map { _ in String(Int.random(in: 0...9, using: &generator)) }.joined()
            let six = (digits + "00000").prefix(6)
            #expect(
                Timestamp(rfc3339: "1970-01-01T00:00:00.\(digits)Z")?.microseconds == Int64(six),
                "\(digits)")
        }
    }

    @Test func `a year has a leap day where the day after 28 February says so`() throws {
        for year in 0...9999 {
            let digits = String(year)
            let text = String(repeating: "0", count: 4 - digits.utf8.count) + digits
            let before = try #require(Timestamp(rfc3339: "\(text)-02-28T12:00:00Z"))
            // The writing of times is other code than the reading of them.
            let next = Timestamp(microseconds: before.microseconds + 86_400_000_000)
            let leapDay = Timestamp(rfc3339: "\(text)-02-29T12:00:00Z")
            #expect(leapDay == (next.description.hasPrefix("\(text)-02-29") ? next : nil), "\(year)")
        }
    }

    @Test func `every month has its days, and no more`() {
        for (month, days) in zip(Int64(1)..., [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as [Int64]) {
            for day in 1...40 as ClosedRange<Int64> {
                let text = "2025-\(twoDigits(month))-\(twoDigits(day))T00:00:00Z"
                #expect((Timestamp(rfc3339: text) != nil) == (day <= days), "\(text)")
            }
        }
    }

    @Test func `a leap second is the first second of the next minute`() {
        #expect(
            Timestamp(rfc3339: "2016-12-31T23:59:60.25Z")
                == Timestamp(rfc3339: "2017-01-01T00:00:00.25Z"))
        #expect(Timestamp(rfc3339: "9999-12-31T23:59:60Z") == .latest)
    }

    @Test func `nothing that ends too early or too late is a time`() {
        for text in ["2026-01-02T03:04:05.678901Z", "2026-01-02T04:04:05+01:00"] {
            for count in 0..<text.count { #expect(Timestamp(rfc3339: text.prefix(count)) == nil, "\(count)") }
            for more in ["Z", " ", "0", "\0", "+00:00"] { #expect(Timestamp(rfc3339: text + more) == nil) }
        }
    }

    @Test(arguments: [
        ("0000-01-01T00:00:00+00:01", "0000-01-01T00:01:00+00:01"),
        ("9999-12-31T23:59:59-00:01", "9999-12-31T23:58:59-00:01"),
        ("9999-12-31T23:59:60-00:01", "9999-12-31T23:59:60Z"),
        ("0000-01-01T23:58:59.999999+23:59", "0000-01-01T23:59:00+23:59"),
        ("9999-12-31T00:01:00-23:59", "9999-12-31T00:00:59.999999-23:59"),
    ])
    func `a moment that its offset takes beyond the years 0000 to 9999 is none`(beyond: String, within: String) {
        #expect(Timestamp(rfc3339: beyond) == nil)
        let time = Timestamp(rfc3339: within)
        #expect(time.map { $0 == .earliest || $0 == .latest || Timestamp(rfc3339: $0.description) == $0 } == true)
    }

    @Test(
        arguments: [
            .min, .min + 1, writable.lowerBound - 1, writable.upperBound + 1, .max - 1, .max,
        ] as [Int64])
    func `microseconds that no moment has make none, and the nearest one where one must be made`(microseconds: Int64) {
        #expect(Timestamp(exactMicroseconds: microseconds) == nil)
        #expect(Timestamp(microseconds: microseconds) == (microseconds < 0 ? .earliest : .latest))
    }

    @Test func `the first and the last moment are written and read`() {
        #expect(Timestamp.earliest.description == "0000-01-01T00:00:00.000000Z")
        #expect(Timestamp.latest.description == "9999-12-31T23:59:59.999999Z")
        for time in [Timestamp.earliest, .latest] {
            #expect(Timestamp(rfc3339: time.description) == time)
            #expect(Timestamp(exactMicroseconds: time.microseconds) == time)
        }
    }

    @Test(arguments: [
        "2026-00-02T03:04:05Z", "2026-13-02T03:04:05Z", "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04Z", "2026-01-02", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05+1:00", "2026-01-02T03:04:05 +01:00",
        "2026-01-02T03:04:05\u{2212}01:00", "26-01-02T03:04:05Z", "12026-01-02T03:04:05Z", "-026-01-02T03:04:05Z",
        "2026-1-2T03:04:05Z", "2026-01-02X03:04:05Z", "2026/01/02T03:04:05Z", " 2026-01-02T03:04:05Z",
        "２026-01-02T03:04:05Z", "2026-01-02T03:04:-5Z", "now", "1767323045",
    ])
    func `other texts are refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    private func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
