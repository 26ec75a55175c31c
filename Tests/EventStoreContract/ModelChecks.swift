internal import EventSourcing
internal import Synchronization
internal import TestSupport
internal import Testing

/// Random appends that hit every kind of answer: few streams, few keys, expected versions near the truth.
private struct RandomRequests {
    var generator: SeededGenerator
    let streams: [StreamID]

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        streams = try (0..<6).map { try stream("s\($0)") }
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    mutating func batch(onto log: ReferenceLog) -> [AppendRequest] {
        (0..<below(6)).map { _ in request(onto: log) }
    }

    private mutating func request(onto log: ReferenceLog) -> AppendRequest {
        let chosen = streams.shuffled(using: &generator).prefix(1 + below(3))
        var command: CommandKey?
        if below(2) == 0 {
            command = key("k\(below(400))", fingerprint: UInt64(below(10) == 0 ? 2 : 1), outcome: "o\(below(100))")
        }
        return AppendRequest(command: command, writes: chosen.map { write(to: $0, onto: log) })
    }

    private mutating func write(to stream: StreamID, onto log: ReferenceLog) -> StreamWrite {
        let history = log.stream(stream)
        var expected = ExpectedVersion.any
        if below(3) > 0 {
            let version = UInt64(max(0, history.count + (below(4) == 0 ? below(7) - 4 : 0)))
            expected = .exactly(version, lastEvent: lastEvent(at: version, of: history))
        }
        let offered = (0..<below(4)).map { number in
            NewEvent(
                id: .version7(at: Timestamp(microseconds: 0), using: &generator), type: "Happened",
                schemaVersion: UInt16(1 + below(3)), metadata: below(2) == 0 ? [] : Array("{\"n\":\(number)}".utf8),
                data: Array("{\"amount\":\"\(below(10_000)).00\"}".utf8))
        }
        return StreamWrite(stream: stream, expected: expected, events: offered)
    }

    private mutating func lastEvent(at version: UInt64, of history: [RecordedEvent]) -> UniqueID? {
        guard version > 0, below(2) == 0 else { return nil }
        if below(6) == 0 || version > UInt64(history.count) { return UniqueID(high: 1, low: 2) }
        return history[Int(version) - 1].event.id
    }
}

extension EventStoreContract {
    static let modelChecks = (1...4).map { seed in
        EventStoreCheck("random appends, reads and reopenings are answered as by the reference log (seed \(seed))") {
            try compare(seed: UInt64(seed), rounds: 400, in: $0)
        }
    }

    private static func compare(seed: UInt64, rounds: Int, in place: StorePlace) throws {
        let time = Mutex(Timestamp(microseconds: 0))
        let clock: @Sendable () -> Timestamp = { time.withLock { $0 } }
        var store = try place.open(clock: clock)
        var reference = ReferenceLog(logID: store.logID)
        var random = try RandomRequests(seed: seed)
        for round in 0..<rounds {
            let now = Timestamp(microseconds: Int64(round * 10 + random.below(100)))
            time.withLock { $0 = now }
            let batch = random.batch(onto: reference)
            let actual = try store.append(batch)
            let expected = reference.append(batch, at: now)
            for (request, (left, right)) in zip(batch, zip(actual.results, expected.results)) {
                try #require(left.comparable == right.comparable, "seed \(seed), round \(round): \(request)")
            }
            try #require(actual.results.count == expected.results.count, "seed \(seed), round \(round)")
            try #require(actual.records == expected.records, "seed \(seed), round \(round)")
            try #require(try store.head() == reference.head, "seed \(seed), round \(round)")
            if random.below(40) == 0 {
                try place.close(store)
                store = try place.open(clock: clock)
                try #require(try store.head() == reference.head, "seed \(seed), round \(round)")
            }
            if random.below(10) == 0 { try compareReads(store, reference, &random) }
        }
        try #require(try store.everything() == reference.records, "seed \(seed)")
        try place.close(store)
    }

    private static func compareReads(
        _ store: any EventStore, _ reference: ReferenceLog, _ random: inout RandomRequests
    ) throws {
        let limit = ReadLimit(events: 1 + random.below(20))
        let position = random.below(reference.records.count + 2)
        let expected = Array(reference.records.dropFirst(position).prefix(limit.events))
        try #require(try store.readLog(after: UInt64(position), limit: limit) == expected)
        for stream in random.streams {
            let history = reference.stream(stream)
            let version = random.below(history.count + 2)
            try #require(
                try store.readStream(stream, after: UInt64(version), limit: limit)
                    == StreamSlice(
                        events: Array(history.dropFirst(version).prefix(limit.events)), version: UInt64(history.count)))
            let newest = Int(reference.head.recordedAt.microseconds)
            let time = Timestamp(microseconds: Int64(random.below(newest + 20) - 10))
            try #require(try store.version(of: stream, at: time) == reference.version(of: stream, at: time))
            let key = Array("k\(random.below(400))".utf8)
            let (left, right) = (try store.outcome(of: key, in: stream), reference.outcome(of: key, in: stream))
            try #require(left?.fingerprint == right?.fingerprint && left?.outcome == right?.outcome)
        }
    }
}

extension AppendResult {
    /// The answer without the words of its reason, which are each store's own.
    fileprivate var comparable: AppendResult {
        isInvalid ? .invalid("") : self
    }
}
