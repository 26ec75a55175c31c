import Testing

@testable import ZeroMQ

@Suite("What of a connection's bytes waits") struct WaitingBytesTests {
    private let start = ContinuousClock.now

    @Test func `what is taken does not wait, whoever had the descriptor before`() {
        var waiting = WaitingBytes(takenBefore: 1000)
        #expect(!waiting.hasTaken(1000))
        waiting.update(received: 500, taken: 1300, drains: 0, at: start)
        #expect(waiting.count == 200 && waiting.unfinished == 0)
        #expect(waiting.hasTaken(1300))
        // Taken before TCP was asked.
        waiting.update(received: 500, taken: 1600, drains: 0, at: start)
        #expect(waiting.count == 0)
    }

    @Test func `what stays although all was taken is a message that is not complete`() {
        var waiting = WaitingBytes(takenBefore: 0)
        waiting.update(received: 1 << 20, taken: 0, drains: 0, at: start)
        #expect(waiting.unfinished == 0)
        waiting.update(received: 2 << 20, taken: 0, drains: 1, at: start)
        #expect(waiting.unfinished == 1 << 20)
    }

    @Test func `heartbeats never add up to a limit`() {
        var waiting = WaitingBytes(takenBefore: 0)
        var (received, drains) = (UInt64(100), UInt64(0))
        // A PING of 9 bytes each second for a month, and now and then a request.
        var taken: UInt64 = 0
        var largest: UInt64 = 0
        for second in 0..<2_592_000 {
            received += 9
            if second % 1000 == 0 {
                received += 300
                taken += 300
            }
            for look in 0..<2 {
                drains += 1
                waiting.update(
                    received: received, taken: taken, drains: drains,
                    at: start + .seconds(second) + .milliseconds(400 * look))
                largest = max(largest, waiting.count)
            }
        }
        #expect(largest < 1000)
    }

    @Test func `a message that never ends is forgiven no faster than heartbeats are`() {
        var waiting = WaitingBytes(takenBefore: 0)
        var now = start
        for look in 0..<10_000 {
            waiting.update(received: 1 << 20, taken: 0, drains: UInt64(look), at: now)
            now += .milliseconds(20)
        }
        #expect(waiting.count > (1 << 20) - (16 << 10) - 128 * 201)
        // When it ends after all, nothing of what comes then is hidden.
        waiting.update(received: 3 << 20, taken: 1 << 20, drains: 20_000, at: now)
        waiting.update(received: 3 << 20, taken: 3 << 20, drains: 20_001, at: now)
        waiting.update(received: 4 << 20, taken: 3 << 20, drains: 20_001, at: now)
        #expect(waiting.count == 1 << 20)
    }
}
