internal import EventSourcing

/// A record as it stands in replies: the 96 bytes of its header, then topic, metadata and data behind their lengths.
///
/// `record = header(96) topic-length(2) topic metadata-length(4) metadata data-length(4) data`
enum RecordCoding {
    /// The fewest bytes that a record takes.
    static let smallest = RecordHeader.size + lengths
    /// The bytes of the lengths.
    private static let lengths = 2 + 4 + 4

    static func size(of record: RecordedEvent) -> Int { record.byteCount + lengths }

    static func write(_ record: RecordView, to writer: inout WireWriter) {
        let size = smallest + record.topicSize + record.metadata.count + record.data.count
        writer.bytes(size) { place in
            var writer = MemoryWriter(place)
            writer.bytes(RecordHeader.size) { record.header.write(to: $0) }
            writer.integer(UInt16(record.topicSize))
            record.writeTopic(to: &writer)
            writer.integer(UInt32(record.metadata.count))
            writer.bytes(record.metadata)
            writer.integer(UInt32(record.data.count))
            writer.bytes(record.data)
        }
    }

    static func read(from reader: inout WireReader) throws(MalformedFrame) -> (record: RecordedEvent, logID: UniqueID) {
        guard let header = RecordHeader(try reader.slice(RecordHeader.size)), header.kind == .event else {
            throw MalformedFrame("a record does not begin with the header of an event")
        }
        let topic = try reader.slice(Int(reader.integer(UInt16.self)))
        let metadata = try reader.slice(Int(reader.integer(UInt32.self)))
        let data = try reader.slice(Int(reader.integer(UInt32.self)))
        return (try record(header: header, topic: topic, metadata: metadata, data: data), header.logID)
    }

    static func record(
        header: RecordHeader, topic: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer,
        data: UnsafeRawBufferPointer
    ) throws(MalformedFrame) -> RecordedEvent {
        let slash = UInt8(ascii: "/")
        guard topic.last == slash, let first = topic.firstIndex(of: slash),
            let second = topic[(first + 1)...].firstIndex(of: slash), second < topic.count - 1
        else { throw MalformedFrame("a topic is not CATEGORY/TYPE/STREAM/") }
        func segment(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: topic[range]) }
        let view = RecordView(
            header: header, category: segment(0..<first), type: segment((first + 1)..<second),
            name: segment((second + 1)..<(topic.count - 1)), metadata: metadata, data: data)
        // The alphabet of the segments has no slash: a topic of more than three is refused here, too.
        guard let record = RecordedEvent(view) else {
            throw MalformedFrame("a topic's segments are empty, too long or outside the alphabet")
        }
        return record
    }
}

extension WireWriter {
    mutating func records(_ records: [RecordedEvent], in logID: UniqueID) {
        integer(UInt32(records.count))
        for record in records { record.withView(in: logID) { RecordCoding.write($0, to: &self) } }
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
