import EventSourcing

/// A log in memory whose hash chain is right.
struct ModelLog {
    let logID: UniqueID
    private(set) var records: [RecordedEvent] = []

    init(id: UInt64 = 1) { logID = UniqueID(high: 0, low: id) }

    var head: LogHead {
        records.last.map { LogHead(position: $0.position, hash: $0.hash, recordedAt: $0.recordedAt) }
            ?? LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: Timestamp(microseconds: 0))
    }

    mutating func append(_ data: String = "{}", continues: Bool = false) {
        let position = head.position + 1
        func record(_ hash: Digest256) -> RecordedEvent {
            RecordedEvent(
                position: position, stream: StreamID(category: "thing", name: "a-\(position % 3)")!,
                streamVersion: (position + 2) / 3, recordedAt: Timestamp(microseconds: Int64(position)),
                event: NewEvent(
                    id: UniqueID(high: 7, low: position), type: "Happened", schemaVersion: 1,
                    metadata: position % 2 == 0 ? Array("{\"n\":1}".utf8) : [], data: Array(data.utf8)),
                continues: continues, hash: hash)
        }
        let hash = HashChain.hash(of: record(head.hash), after: head.hash, in: logID)
        records.append(record(hash))
    }

    /// Appends so many records as one append.
    mutating func append(records count: Int, data: String = "{}") {
        for number in 1...count { append(data, continues: number < count) }
    }
}
