internal import Dispatch
internal import EventSourcing
internal import Synchronization
internal import Testing

extension EventStoreContract {
    static let concurrencyChecks = [
        EventStoreCheck("reads while another thread appends see a prefix of the log that only grows") { place in
            try place.with { store in
                let a = try stream("a")
                let batches = 200
                let appended = Atomic<Bool>(false)
                let problem = Mutex<(any Error)?>(nil)
                let group = DispatchGroup()
                DispatchQueue.global().async(group: group) {
                    do {
                        for _ in 0..<batches {
                            _ = try store.append([append(events(2), to: a), append(events(1), to: a)])
                        }
                    } catch {
                        problem.withLock { $0 = error }
                    }
                    appended.store(true, ordering: .releasing)
                }
                var last: RecordedEvent?
                var isLastRound = false
                while !isLastRound {
                    // Asked before the read, so that one more round follows the last append.
                    isLastRound = appended.load(ordering: .acquiring)
                    let head = try store.head()
                    let page = try store.readLog(after: last?.position ?? 0, limit: .everything)
                    for record in page {
                        #expect(record.position == (last?.position ?? 0) + 1)
                        #expect(
                            record.hash
                                == HashChain.hash(
                                    of: record, after: last?.hash ?? HashChain.genesis(of: store.logID), in: store.logID
                                ))
                        last = record
                    }
                    let seen = last?.position ?? 0
                    #expect(seen >= head.position, "what the head tells can be read")
                    #expect(seen % 3 == 0, "a batch is seen whole")
                    // All events are of one stream: its versions are the positions.
                    let slice = try store.readStream(a, after: seen, limit: .everything)
                    #expect(slice.version == seen + UInt64(slice.events.count))
                }
                group.wait()
                if let error = problem.withLock({ $0 }) { throw error }
                #expect(last?.position == UInt64(3 * batches))
            }
        },
        EventStoreCheck("the head is never behind what a reader has seen, nor a read behind the head") { place in
            try place.with { store in
                let a = try stream("a")
                let appended = Atomic<Bool>(false)
                let problem = Mutex<(any Error)?>(nil)
                let group = DispatchGroup()
                DispatchQueue.global().async(group: group) {
                    do {
                        for _ in 0..<1000 { _ = try store.append([append(events(1), to: a)]) }
                    } catch {
                        problem.withLock { $0 = error }
                    }
                    appended.store(true, ordering: .releasing)
                }
                var position: UInt64 = 0
                while !appended.load(ordering: .acquiring) {
                    if let last = try store.readLog(after: position, limit: .everything).last {
                        let head = try store.head()
                        #expect(head.position >= last.position, "the head is behind a record that was read")
                        if head.position == last.position {
                            #expect(head.hash == last.hash && head.recordedAt == last.recordedAt)
                        }
                        position = last.position
                    }
                    if let last = try store.readStream(a, after: position, limit: .everything).events.last {
                        #expect(try store.head().position >= last.position, "the head is behind an event that was read")
                        position = last.position
                    }
                }
                group.wait()
                if let error = problem.withLock({ $0 }) { throw error }
            }
        },
        EventStoreCheck("appends from several threads take turns") { place in
            try place.with { store in
                let a = try stream("a")
                let problem = Mutex<(any Error)?>(nil)
                DispatchQueue.concurrentPerform(iterations: 4) { thread in
                    do {
                        for number in 0..<25 {
                            _ = try store.append([append(events(1), to: a, under: key("\(thread)-\(number)"))])
                        }
                    } catch {
                        problem.withLock { $0 = error }
                    }
                }
                if let error = problem.withLock({ $0 }) { throw error }
                #expect(try store.everything().map(\.streamVersion) == Array(1...100))
            }
        },
    ]
}
