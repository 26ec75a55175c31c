import EventSourcing

func record(
    position: UInt64 = 1, stream: StreamID, type: String = "Happened", version: UInt64 = 1, time: Int64 = 1,
    id: UInt64 = 1, metadata: String = "", data: String = "{}", continues: Bool = false,
    hash: Digest256 = Digest256(0, 0, 0, 0)
) -> RecordedEvent {
    RecordedEvent(
        position: position, stream: stream, streamVersion: version, recordedAt: Timestamp(microseconds: time),
        event: NewEvent(
            id: UniqueID(high: 0, low: id), type: type, schemaVersion: 1, metadata: Array(metadata.utf8),
            data: Array(data.utf8)),
        continues: continues, hash: hash)
}
