import EventSourcing

/// A small generator with a seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A log in memory whose hash chain is right.
struct ModelLog {
    let logID: UniqueID
    private(set) var records: [RecordedEvent] = []

    init(id: UInt64 = 1) { logID = UniqueID(high: 0, low: id) }

    var head: LogHead {
        records.last.map { LogHead(position: $0.position, hash: $0.hash, recordedAt: $0.recordedAt) }
            ?? LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: Timestamp(microseconds: 0))
    }

    mutating func append(_ data: String = "{}") {
        let position = head.position + 1
        func record(_ hash: Digest256) -> RecordedEvent {
            RecordedEvent(
                position: position, stream: StreamID(category: "thing", name: "a-\(position % 3)")!,
                streamVersion: (position + 2) / 3, recordedAt: Timestamp(microseconds: Int64(position)),
                event: NewEvent(
                    id: UniqueID(high: 7, low: position), type: "Happened", schemaVersion: 1,
                    metadata: position % 2 == 0 ? Array("{\"n\":1}".utf8) : [], data: Array(data.utf8)),
                hash: hash)
        }
        let hash = HashChain.hash(of: record(head.hash), after: head.hash, in: logID)
        records.append(record(hash))
    }
}
