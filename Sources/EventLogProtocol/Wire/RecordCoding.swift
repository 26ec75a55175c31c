internal import EventSourcing

/// A record as it stands in replies: the 96 bytes of its header, then topic, metadata and data behind their lengths.
///
/// `record = header(96) topic-length(2) topic metadata-length(4) metadata data-length(4) data`
enum RecordCoding {
    /// The fewest bytes that a record takes.
    static let smallest = RecordHeader.size + 2 + 4 + 4

    static func size(of record: RecordedEvent) -> Int {
        smallest + record.topicSize + record.event.metadata.count + record.event.data.count
    }

    static func write(_ record: RecordedEvent, in logID: UniqueID, to writer: inout WireWriter) {
        writer.bytes(RecordHeader.size) { RecordHeader(of: record, in: logID).write(to: $0) }
        writer.integer(UInt16(record.topicSize))
        writer.bytes(record.topicSize, record.writeTopic)
        writer.long(record.event.metadata)
        writer.long(record.event.data)
    }

    static func read(from reader: inout WireReader) throws(MalformedFrame) -> (record: RecordedEvent, logID: UniqueID) {
        guard let header = RecordHeader(try reader.slice(RecordHeader.size)), header.kind == .event else {
            throw MalformedFrame("a record does not begin with the header of an event")
        }
        let topic = try reader.slice(Int(reader.integer(UInt16.self)))
        let metadata = try reader.long()
        let data = try reader.long()
        return (try record(header: header, topic: topic, metadata: metadata, data: data), header.logID)
    }

    static func record(
        header: RecordHeader, topic: UnsafeRawBufferPointer, metadata: [UInt8], data: [UInt8]
    ) throws(MalformedFrame) -> RecordedEvent {
        let slash = UInt8(ascii: "/")
        guard topic.last == slash, let first = topic.firstIndex(of: slash),
            let second = topic[(first + 1)...].firstIndex(of: slash),
            topic[(second + 1)...].firstIndex(of: slash) == topic.count - 1
        else { throw MalformedFrame("a topic is not CATEGORY/TYPE/STREAM/") }
        let type = String(decoding: topic[(first + 1)..<second], as: UTF8.self)
        guard StreamID.isValidEventType(type),
            let stream = StreamID(
                category: String(decoding: topic[..<first], as: UTF8.self),
                name: String(decoding: topic[(second + 1)..<(topic.count - 1)], as: UTF8.self))
        else { throw MalformedFrame("a topic's segments are empty, too long or outside the alphabet") }
        return RecordedEvent(
            position: header.position, stream: stream, streamVersion: header.streamVersion,
            recordedAt: header.recordedAt,
            event: NewEvent(
                id: header.eventID, type: type, schemaVersion: header.schemaVersion, metadata: metadata, data: data),
            hash: header.hash)
    }
}

extension WireWriter {
    mutating func records(_ records: [RecordedEvent], in logID: UniqueID) {
        integer(UInt32(records.count))
        for record in records { RecordCoding.write(record, in: logID, to: &self) }
    }
}

extension WireReader {
    /// Records, all of them of one log; where `logID` is given, of that one.
    mutating func records(in logID: UniqueID? = nil) throws(MalformedFrame) -> [RecordedEvent] {
        let count = try count(UInt32.self, ofAtLeast: RecordCoding.smallest)
        var records: [RecordedEvent] = []
        records.reserveCapacity(count)
        for _ in 0..<count {
            let (record, recordLogID) = try RecordCoding.read(from: &self)
            guard logID == nil || logID == recordLogID else { throw MalformedFrame("a record is of another log") }
            records.append(record)
        }
        return records
    }
}
