import EventLogProtocol
import Testing
import ZeroMQ

@testable import EventLogService

@Suite struct PeerBoundsTests {
    private func connection(_ descriptor: Int32, _ cookie: UInt64 = 1) -> ConnectionID {
        ConnectionID(descriptor: descriptor, cookie: cookie)
    }

    private func topic(_ number: Int) -> [UInt8] { Array("t/\(number)".utf8) }

    @Test func `subscriptions are counted by connection and in all, each once, until they end`() {
        var ledger = SubscriptionLedger(maxOfConnection: 2, maxInAll: 3, maxNonsense: 1)
        let (one, two, three) = (connection(1), connection(2), connection(3))
        #expect(ledger.subscribe(topic(1), isPossible: true, by: one) == .taken)
        #expect(ledger.subscribe(topic(1), isPossible: true, by: one) == .taken)
        #expect(ledger.subscribe(topic(2), isPossible: true, by: one) == .taken)
        #expect(ledger.count == 2)
        ledger.unsubscribe(topic(2), by: one)
        // An end of what never was gives nothing.
        ledger.unsubscribe(topic(9), by: one)
        #expect(ledger.count == 1)
        #expect(ledger.subscribe(topic(3), isPossible: true, by: one) == .taken)
        #expect(ledger.subscribe(topic(4), isPossible: true, by: one) == .refused)
        #expect(ledger.subscribe(topic(5), isPossible: true, by: one) == .ignored)
        #expect(ledger.subscribe(topic(1), isPossible: true, by: two) == .taken)
        #expect(ledger.subscribe(topic(1), isPossible: true, by: three) == .refused)
        // Another connection with the same descriptor is another connection.
        ledger.forget { $0 == one }
        #expect(ledger.count == 1)
        #expect(ledger.subscribe(topic(1), isPossible: true, by: connection(1, 2)) == .taken)
        #expect(ledger.subscribe(topic(1), isPossible: false, by: two) == .taken, "it has it")
        #expect(ledger.subscribe(topic(2), isPossible: false, by: two) == .refused)
    }

    @Test func `what is no subscription is refused when it is too much`() {
        var ledger = SubscriptionLedger(maxOfConnection: 2, maxInAll: 3, maxNonsense: 1)
        #expect(ledger.nonsense(by: connection(1)) == .taken)
        #expect(ledger.nonsense(by: connection(1)) == .refused)
        #expect(ledger.nonsense(by: connection(1)) == .ignored)
        #expect(ledger.nonsense(by: connection(2)) == .taken)
    }

    @Test func `peers take turns however much each asks for, and what one that left asked for is dropped`() {
        var queue = FairQueue<Int>(
            maxOfPeer: .init(count: 3, bytes: 100), maxInAll: .init(count: 5, bytes: 100))
        for number in 1...3 { #expect(queue.add(number, bytes: 1, from: [1]) == true) }
        #expect(queue.add(4, bytes: 1, from: [1]) == false)
        #expect(queue.add(10, bytes: 1, from: [2]) == true)
        #expect(queue.add(20, bytes: 1, from: [3]) == true)
        #expect(queue.add(21, bytes: 1, from: [3]) == false, "all together have too much")
        func next(_ mayNot: [UInt8] = []) -> Int? { queue.next { $0 != mayNot }?.element }
        #expect(next() == 1)
        #expect(next() == 10)
        #expect(next([3]) == 2)
        #expect(queue.removeAll(from: [1]) == 1)
        #expect(queue.removeAll(from: [1]) == 0)
        #expect(next([3]) == nil)
        #expect(queue.count == 1 && queue.contains([3]))
        #expect(queue.removeFirst { $0 < 20 } == 0)
        #expect(queue.removeFirst { $0 == 20 } == 1)
        #expect(queue.isEmpty && next() == nil)
    }

    @Test func `what waits has a limit in bytes too, of each peer and of all`() {
        var queue = FairQueue<Int>(maxOfPeer: .init(count: 10, bytes: 100), maxInAll: .init(count: 20, bytes: 150))
        #expect(queue.add(1, bytes: 101, from: [1]) == false)
        #expect(queue.add(1, bytes: 60, from: [1]) == true)
        #expect(queue.add(2, bytes: 41, from: [1]) == false, "the peer has too much")
        #expect(queue.add(2, bytes: 40, from: [1]) == true)
        #expect(queue.add(3, bytes: 51, from: [2]) == false, "all together have too much")
        #expect(queue.add(3, bytes: 50, from: [2]) == true)
        #expect(queue.bytes == 150)
        #expect(queue.next { $0 == [1] }?.element == 1)
        #expect(queue.bytes == 90)
        #expect(queue.add(4, bytes: 60, from: [1]) == true, "there is room again")
        #expect(queue.removeFirst { $0 == 2 } == 1)
        #expect(queue.bytes == 110)
        #expect(queue.removeAll(from: [1]) == 1)
        #expect(queue.bytes == 50 && queue.count == 1)
        #expect(queue.next { _ in true }?.element == 3)
        #expect(queue.bytes == 0 && queue.isEmpty)
    }

    @Test(arguments: ["", "account/", "account/T", "account/T/a-1/", "heartbeat/", "heart", "A.b_c~d-9/x/y"])
    func `a prefix of a topic may be subscribed to`(topic: String) {
        #expect(Topic.isPrefix(Array(topic.utf8)))
    }

    @Test(arguments: ["/", "a//", "a/b/c/d", "a b", "a/b/\u{e9}", String(repeating: "c", count: 33)])
    func `what no topic begins with may not`(topic: String) {
        #expect(!Topic.isPrefix(Array(topic.utf8)))
    }
}

@Suite("What one peer may have of the log, over all its connections") struct PeerConnectionsTests {
    private func connection(_ descriptor: Int32) -> ConnectionID { ConnectionID(descriptor: descriptor, cookie: 1) }

    private func key(_ number: UInt8) throws -> CurvePublicKey {
        try #require(CurvePublicKey(bytes: [UInt8](repeating: number, count: 32)))
    }

    @Test func `a peer has so many that are open, and the others as many`() throws {
        var connections = PeerConnections(maxOfPeer: 2)
        let (one, two) = (try key(1), try key(2))
        func admit(_ descriptor: Int32, of key: CurvePublicKey, ended: Set<Int32> = []) -> Bool {
            connections.admit(connection(descriptor), of: key) { !ended.contains($0.descriptor) }
        }
        let first = [admit(1, of: one), admit(2, of: one), admit(1, of: one), admit(3, of: one), admit(2, of: one)]
        #expect(first == [true, true, true, false, true])
        let second = [admit(4, of: two), admit(5, of: two), admit(6, of: two)]
        #expect(second == [true, true, false])
        let third = [admit(3, of: one, ended: [1]), admit(7, of: one)]
        #expect(third == [true, false])
    }

    @Test func `subscriptions are ended with their peer's right to them, and each connection is one peer's`() throws {
        var ledger = SubscriptionLedger()
        let (one, two) = (try key(1), try key(2))
        for (number, key) in [(1, one), (2, one), (3, two)] {
            #expect(ledger.subscribe([], isPossible: true, by: connection(Int32(number)), of: key) == .taken)
        }
        #expect(Set(ledger.shutOut { $0 == two }) == [connection(1), connection(2)])
        #expect(ledger.shutOut { $0 == two }.isEmpty, "once is enough")
        #expect(ledger.subscribe([1], isPossible: true, by: connection(1), of: one) == .ignored)
        #expect(ledger.shutOut(connection(1), of: one) == .ignored)
        #expect(ledger.shutOut(connection(4), of: one) == .refused)
        #expect(ledger.subscribe([1], isPossible: true, by: connection(3), of: one) == .refused)
    }

    @Test func `what one peer asks for over many connections has a limit, and gives it back`() throws {
        var queue = FairQueue<Int>(
            maxOfPeer: .init(count: 3, bytes: 100), maxOfHolder: .init(count: 4, bytes: 50),
            maxInAll: .init(count: 100, bytes: 1000))
        let (one, two) = (try key(1), try key(2))
        let first = (0..<6).map { queue.add($0, bytes: 1, from: [UInt8($0)], of: one) }
        #expect(first == [true, true, true, true, false, false])
        let others = [queue.add(6, bytes: 1, from: [6], of: two), queue.add(7, bytes: 1, from: [7])]
        #expect(others == [true, true])
        #expect(queue.next(ifMay: { _ in true })?.element == 0)
        let second = [queue.add(8, bytes: 48, from: [8], of: one), queue.add(8, bytes: 47, from: [8], of: one)]
        #expect(second == [false, true])
        #expect(queue.removeAll(from: [8]) == 1)
        #expect(queue.removeFirst { $0 < 4 } == 3)
        #expect(queue.count == 2 && queue.bytes == 2)
        let third = (0..<5).map { queue.add($0, bytes: 1, from: [UInt8($0)], of: one) }
        #expect(third == [true, true, true, true, false])
    }
}
