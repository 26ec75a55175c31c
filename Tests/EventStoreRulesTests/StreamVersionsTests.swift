import EventSourcing
import Testing

@testable import EventStoreRules

@Suite struct StreamVersionsTests {
    @Test(arguments: [[], [1], [0], [3, 7], [RecordedEvent.maxOrdinal, 1]] as [[UInt64]])
    func `versions are read as they were written`(versions: [UInt64]) {
        #expect(StreamVersions.decode(Array(StreamVersions.encode(versions).utf8)) == versions)
    }

    @Test(arguments: [
        "", "[", "]", "[,]", "[1,]", "[,1]", "[+1]", "[01]", "[-1]", "[ 1]", "[1] ", "[1.0]", "[1e0]", "[\"1\"]",
        "[[1]]",
        "[9223372036854775808]", "[18446744073709551615]", "[18446744073709551616]", "1", "{}",
    ])
    func `anything else is none`(text: String) {
        #expect(StreamVersions.decode(Array(text.utf8)) == nil)
    }

    @Test func `there are no more than an append's frame can count`() {
        let most = [UInt64](repeating: 1, count: StreamVersions.maxCount)
        #expect(StreamVersions.decode(Array(StreamVersions.encode(most).utf8)) == most)
        #expect(StreamVersions.decode(Array(StreamVersions.encode(most + [1]).utf8)) == nil)
    }
}
