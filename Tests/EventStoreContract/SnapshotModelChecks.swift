internal import EventSourcing
internal import TestSupport
internal import Testing

extension EventStoreContract {
    static let snapshotModelChecks = (1...3).map { seed in
        EventStoreCheck("random snapshots, kept, dropped and reopened, are those of a dictionary (seed \(seed))") {
            try compareSnapshots(seed: UInt64(seed), in: $0)
        }
    }

    private struct Place: Hashable {
        let stream: StreamID
        let version: UInt64
        let fingerprint: UInt64
    }

    private static func compareSnapshots(seed: UInt64, in place: StorePlace) throws {
        var generator = SeededGenerator(seed: seed)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
        var store = try place.open()
        let streams = try (0..<3).map { try stream("s\($0)") }
        let histories = try streams.map { try fill(store, $0, 12) }
        var model: [Place: Snapshot] = [:]
        for round in 0..<300 {
            let chosen = below(streams.count)
            let spot = Place(
                stream: streams[chosen], version: UInt64(1 + below(14)), fingerprint: UInt64(1 + below(2)))
            switch below(4) {
            case 0:
                try store.dropSnapshot(of: spot.stream, fingerprint: mark(spot.fingerprint), version: spot.version)
                model[spot] = nil
            case 1 where round % 10 == 0:
                try place.close(store)
                store = try place.open()
            default:
                let isRight = below(4) > 0 && spot.version <= 12
                let snapshot = copy(
                    of: spot.stream, at: spot.version,
                    lastEvent: isRight ? histories[chosen][Int(spot.version) - 1].event.id : UniqueID(high: 2, low: 2),
                    fingerprint: spot.fingerprint, state: Array("\(below(1000))".utf8))
                try #require(try store.keep([snapshot]) == [isRight], "seed \(seed), round \(round)")
                if isRight { model[spot] = snapshot }
            }
            let (asked, version) = (streams[below(streams.count)], UInt64(below(16)))
            for fingerprint in 1...2 as ClosedRange<UInt64> {
                let expected = model.values.filter {
                    $0.stream == asked && $0.version <= version && $0.fingerprint == mark(fingerprint)
                }.max { $0.version < $1.version }
                try #require(
                    try store.snapshot(of: asked, fingerprint: mark(fingerprint), atMost: version) == expected,
                    "seed \(seed), round \(round)")
            }
        }
        try place.close(store)
    }
}
