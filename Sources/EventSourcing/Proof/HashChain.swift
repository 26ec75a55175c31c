internal import Crypto

/// The chain that makes history provable: every record's hash covers the hash of the record before it.
///
/// `hash = SHA-256(previous hash ‖ bytes 0 to 63 of the header ‖ u32 length and bytes of the topic, of the metadata, of
/// the data)`, lengths big-endian; what stands before position 1 has as its hash SHA-256 of the 16 bytes of the log id.
/// So whoever holds two neighbouring records can prove that neither was altered and that nothing lies between them.
public enum HashChain {
    /// The hash before position 1: SHA-256 of the 16 bytes of the log id.
    public static func genesis(of logID: UniqueID) -> Digest256 {
        var hasher = SHA256()
        withUnsafeBytes(of: (logID.high.bigEndian, logID.low.bigEndian)) { hasher.update(bufferPointer: $0) }
        return Digest256(hasher.finalize())
    }

    /// The record of an event that follows a log's head, with its hash.
    ///
    /// - Parameter continues: whether its append goes on in the next record.
    public static func record(
        _ event: NewEvent, of stream: StreamID, at version: UInt64, continues: Bool = false, on head: LogHead,
        recordedAt time: Timestamp, in logID: UniqueID
    ) -> RecordedEvent {
        var record = RecordedEvent(
            position: head.position + 1, stream: stream, streamVersion: version, recordedAt: time, event: event,
            continues: continues, hash: head.hash)
        record.hash = hash(of: record, after: head.hash, in: logID)
        return record
    }

    /// The hash that `record` must carry when the record before it carries `previous`. The record's own hash is not
    /// looked at.
    public static func hash(of record: RecordedEvent, after previous: Digest256, in logID: UniqueID) -> Digest256 {
        record.withView(in: logID) { hash(of: $0, after: previous) }
    }

    /// The hash that a record must carry when the record before it carries `previous`. The record's own hash is not
    /// looked at.
    public static func hash(of record: RecordView, after previous: Digest256) -> Digest256 {
        // Put together first: a call of the hash function for each part would cost as much as the hashing.
        let sizes = record.topicSize + record.metadata.count + record.data.count
        let count = 32 + RecordHeader.hashedSize + 3 * 4 + sizes
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { bytes in
            var writer = MemoryWriter(bytes)
            writer.digest(previous)
            writer.bytes(RecordHeader.hashedSize) { record.header.writeHashed(to: $0) }
            writer.integer(UInt32(record.topicSize))
            record.writeTopic(to: &writer)
            writer.integer(UInt32(record.metadata.count))
            writer.bytes(record.metadata)
            writer.integer(UInt32(record.data.count))
            writer.bytes(record.data)
            var hasher = SHA256()
            hasher.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            return Digest256(hasher.finalize())
        }
    }
}
