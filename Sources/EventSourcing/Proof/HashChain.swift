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
    public static func record(
        _ event: NewEvent, of stream: StreamID, at version: UInt64, on head: LogHead, recordedAt time: Timestamp,
        in logID: UniqueID
    ) -> RecordedEvent {
        var record = RecordedEvent(
            position: head.position + 1, stream: stream, streamVersion: version, recordedAt: time, event: event,
            hash: head.hash)
        record.hash = hash(of: record, after: head.hash, in: logID)
        return record
    }

    /// The hash that `record` must carry when the record before it carries `previous`. The record's own hash is not
    /// looked at.
    public static func hash(of record: RecordedEvent, after previous: Digest256, in logID: UniqueID) -> Digest256 {
        // Put together first: a call of the hash function for each part would cost as much as the hashing.
        let (metadata, data) = (record.event.metadata, record.event.data)
        let count = 32 + RecordHeader.hashedSize + 3 * 4 + record.topicSize + metadata.count + data.count
        return withUnsafeTemporaryAllocation(byteCount: count + RecordHeader.size, alignment: 8) { bytes in
            bytes.storeBytes(of: previous.words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: previous.words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: previous.words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: previous.words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
            RecordHeader(of: record, in: logID).write(to: UnsafeMutableRawBufferPointer(rebasing: bytes[32...]))
            var offset = 32 + RecordHeader.hashedSize
            func add(_ size: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
                bytes.storeBytes(of: UInt32(size).bigEndian, toByteOffset: offset, as: UInt32.self)
                write(UnsafeMutableRawBufferPointer(rebasing: bytes[(offset + 4)...]))
                offset += 4 + size
            }
            add(record.topicSize, record.writeTopic)
            add(metadata.count) { $0.copyBytes(from: metadata) }
            add(data.count) { $0.copyBytes(from: data) }
            var hasher = SHA256()
            hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return Digest256(hasher.finalize())
        }
    }
}
