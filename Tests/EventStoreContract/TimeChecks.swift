internal import EventSourcing
internal import Synchronization
internal import Testing

/// A clock that is set by hand.
private final class HandClock: Sendable {
    private let time: Mutex<Int64>

    init(_ time: Int64) {
        self.time = Mutex(time)
    }

    func set(_ time: Int64) {
        self.time.withLock { $0 = time }
    }

    func read() -> Timestamp {
        Timestamp(microseconds: time.withLock { $0 })
    }
}

/// A clock that goes on by a microsecond whenever it is read.
final class TickingClock: Sendable {
    private let time = Mutex<Int64>(0)

    func read() -> Timestamp {
        time.withLock { time in
            time += 1
            return Timestamp(microseconds: time)
        }
    }
}

extension EventStoreContract {
    static let timeChecks = [
        EventStoreCheck("time never decreases along the log, though the clock goes back") { place in
            let clock = HandClock(1000)
            try place.with(clock: { clock.read() }) { store throws in
                #expect(try time(in: store, clock, 1000) == 1000)
                #expect(try time(in: store, clock, 500) == 1000)
                #expect(try time(in: store, clock, 1001) == 1001)
                #expect(try time(in: store, clock, -5) == 1001)
            }
            try place.with(clock: { clock.read() }) { store throws in
                #expect(try time(in: store, clock, 7) == 1001)
                #expect(try store.head().recordedAt == Timestamp(microseconds: 1001))
                #expect(try store.everything().map(\.recordedAt.microseconds) == [1000, 1000, 1001, 1001, 1001])
            }
        },
        EventStoreCheck("a batch has one time") { place in
            let clock = TickingClock()
            try place.with(clock: { clock.read() }) { store in
                let (results, records) = try store.append((0..<10).map { single(try stream("s\($0)")) })
                #expect(Set(records.map(\.recordedAt)).count == 1)
                #expect(Set(results.map(\.commit?.recordedAt)).count == 1)
            }
        },
    ]

    /// The time of an event that is appended when the clock stands at `now`.
    private static func time(in store: any EventStore, _ clock: HandClock, _ now: Int64) throws -> Int64 {
        clock.set(now)
        return try store.commit(single(try stream("a"))).recordedAt.microseconds
    }

    private static func single(_ stream: StreamID) -> AppendRequest {
        append(events(1), to: stream)
    }
}
