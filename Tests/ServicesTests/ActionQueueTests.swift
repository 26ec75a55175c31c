import Testing

@testable import CommandService

@Suite("The queue of actions") struct ActionQueueTests {
    @Test func `all come out once, in the order in which they went in`() {
        var queue = ActionQueue<Int>()
        var (sent, received) = (0, [Int]())
        #expect(queue.popFirst() == nil)
        for round in 1...50 {
            for _ in 0..<round % 7 {
                queue.append(sent)
                sent += 1
            }
            for _ in 0..<round % 4 {
                if let action = queue.popFirst() { received.append(action) }
            }
        }
        while let action = queue.popFirst() { received.append(action) }
        #expect(received == Array(0..<sent))
    }
}
