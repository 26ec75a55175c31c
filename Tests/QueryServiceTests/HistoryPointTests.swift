import EventSourcing
import QueryService
import Testing

@Suite struct HistoryPointTests {
    @Test(
        arguments: [
            ("0", 0, nil), ("42", 42, nil), ("18446744073709551615", .max, nil), ("42-0000000000000000", 42, 0),
            ("42-9e560c9ab1d2f3a4", 42, 0x9e56_0c9a_b1d2_f3a4), ("007-FFFFFFFFFFFFFFFF", 7, .max),
        ] as [(String, UInt64, UInt64?)])
    func `A point is a position, alone or with the beginning of its hash`(
        text: String, position: UInt64, prefix: UInt64?
    ) throws {
        let point = try #require(HistoryPoint(text))
        #expect((point.position, point.hashPrefix) == (position, prefix))
        #expect(HistoryPoint(point.description) == point)
    }

    @Test(
        arguments: [
            "", "-", "now", "-1", "+1", " 1", "1 ", "1.0", "18446744073709551616", "1-", "1-9e56",
            "1-9e560c9ab1d2f3a4b",
            "1-9e560c9ab1d2f3ag", "1-+e560c9ab1d2f3a4", "1--e560c9ab1d2f3a4", "-9e560c9ab1d2f3a4", "１",
            "1-９e560c9ab1d2f3",
        ])
    func `Anything else is none`(text: String) { #expect(HistoryPoint(text) == nil) }

    @Test
    func `Its text has sixteen digits, leading zeros included`() {
        #expect(HistoryPoint(position: 3, hash: Digest256(0xAB, 1, 2, 3)).description == "3-00000000000000ab")
    }
}
