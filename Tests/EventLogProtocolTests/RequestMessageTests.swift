import Testing

@testable import EventLogProtocol

@Suite struct RequestMessageTests {
    @Test func `requests of one turn leave in messages of bounded number and bytes`() {
        func count(_ sizes: [Int]) -> Int { RequestChannel.countOfNextMessage(sizes) }
        #expect(count(Array(repeating: 100, count: 200)) == 64)
        #expect(count([100]) == 1)
        // An import's appends: 24 of them would be more than the log takes in one message.
        #expect(count(Array(repeating: 355_000, count: 24)) == 2)
        #expect(count([4 << 20, 100, 100]) == 1, "one that is large by itself goes alone")
        #expect(count([1 << 20, 1]) == 1)
        #expect(count([(1 << 20) - 1, 1, 1]) == 2)
    }
}
