internal import EventSourcing
internal import Synchronization
internal import Testing

extension EventStoreContract {
    static let momentChecks = [
        EventStoreCheck("a stream's version at a time counts what was recorded at it or before it") { place in
            let time = Mutex<Int64>(0)
            let clock: @Sendable () -> Timestamp = { Timestamp(microseconds: time.withLock { $0 }) }
            try place.with(clock: clock) { store throws in
                let (a, b) = (try stream("a"), try stream("b"))
                // Three events at 10, two of another stream at 20, one at 30, then a clock that goes back.
                for (now, count, stream) in [(10, 3, a), (20, 2, b), (30, 1, a), (25, 1, a)] {
                    time.withLock { $0 = Int64(now) }
                    try store.commit(append(events(count), to: stream))
                }
                for (moment, version) in [(Int64.min, 0), (0, 0), (9, 0), (10, 3), (29, 3), (30, 5), (.max, 5)] {
                    #expect(
                        try store.version(of: a, at: Timestamp(microseconds: moment)) == UInt64(version), "\(moment)")
                }
                for (moment, version) in [(Int64(19), 0), (20, 2), (21, 2)] {
                    #expect(
                        try store.version(of: b, at: Timestamp(microseconds: moment)) == UInt64(version), "\(moment)")
                }
                #expect(try store.version(of: try stream("none"), at: Timestamp(microseconds: .max)) == 0)
            }
        }
    ]
}
