import EventSourcing
import TestSupport
import Testing

@Suite struct StreamIDTests {
    @Test(arguments: ["a", "acc-001", "A.b_c~d-9", String(repeating: "x", count: 128)])
    func `names of the alphabet are taken`(name: String) {
        #expect(StreamID(category: "account", name: name)?.name == name)
    }

    @Test(arguments: ["", "a/b", "a b", "ä", "a%20", "a\u{0}", String(repeating: "x", count: 129)])
    func `names outside the alphabet are refused`(name: String) {
        #expect(StreamID(category: "account", name: name) == nil)
        #expect(StreamID(category: name, name: "a") == nil)
    }

    @Test func `a topic never reaches the length that libzmq encodes wrongly`() throws {
        let stream = try #require(
            StreamID(category: String(repeating: "c", count: 32), name: String(repeating: "n", count: 128)))
        let type = String(repeating: "t", count: 64)
        #expect(StreamID.isValidEventType(type))
        let record = record(stream: stream, type: type)
        #expect(record.topic.utf8.count < 246)
    }
}

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (1_767_323_045_678_901, "2026-01-02T03:04:05.678901Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        (4_102_444_799_000_000, "2099-12-31T23:59:59.000000Z"), (-2_203_977_600_000_000, "1900-02-28T00:00:00.000000Z"),
        (1_709_164_800_000_000, "2024-02-29T00:00:00.000000Z"),
    ])
    func `is written as RFC 3339`(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }
}

@Suite struct UniqueIDTests {
    @Test func `version 7 carries the milliseconds, the version and the variant`() throws {
        var generator = SeededGenerator(seed: 7)
        let id = UniqueID.version7(at: Timestamp(microseconds: 1_645_557_742_000_123), using: &generator)
        // The time of RFC 9562, appendix A.6: 017F22E2-79B0.
        #expect(id.description.hasPrefix("017f22e2-79b0-7"))
        #expect("89ab".contains(Array(id.description)[19]))
        #expect(UniqueID(id.description) == id)
        #expect(UniqueID(id.description.uppercased()) == id)
    }

    @Test(arguments: [
        "", "017f22e279b07cc398c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "x17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ])
    func `other texts are refused`(text: String) {
        #expect(UniqueID(text) == nil)
    }

    @Test func `later times make later ids`() {
        var generator = SeededGenerator(seed: 8)
        let ids = (0..<1000).map {
            UniqueID.version7(at: Timestamp(microseconds: 1_700_000_000_000_000 + $0 * 1000), using: &generator)
        }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
    }
}
