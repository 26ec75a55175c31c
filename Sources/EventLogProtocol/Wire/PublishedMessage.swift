public import EventSourcing
public import ZeroMQ

/// A message of the events socket: three frames, topic, header with metadata, and data.
public enum PublishedMessage: Hashable, Sendable {
    /// An event, durable in the log with this id.
    case event(RecordedEvent, logID: UniqueID)
    /// A sign of life with the head of the log: its position and the hash there, and the epoch of the lead, 0 if the log
    /// counts none.
    case heartbeat(logID: UniqueID, position: UInt64, hash: Digest256, epoch: UInt64)

    /// The topic of heartbeats.
    public static let heartbeatTopic = "heartbeat/"

    /// Reads a message.
    ///
    /// - Throws: ``MalformedFrame`` where it does not follow the grammar.
    public init(_ frames: borrowing Frames) throws(MalformedFrame) {
        guard frames.count == 3 else { throw MalformedFrame("a published message has 3 frames, not \(frames.count)") }
        let (header, metadata) = try frames.withBytes(of: 1) { bytes throws(MalformedFrame) in
            guard let header = RecordHeader(bytes) else { throw MalformedFrame("the second frame is no header") }
            // The frames stay where they are until the message is handed back.
            return (header, UnsafeRawBufferPointer(rebasing: bytes[RecordHeader.size...]))
        }
        let isHeartbeatTopic = frames.withBytes(of: 0) { $0.elementsEqual(Self.heartbeatTopic.utf8) }
        switch header.kind {
        case .event:
            let record = try frames.withBytes(of: 0) { topic throws(MalformedFrame) in
                try frames.withBytes(of: 2) { data throws(MalformedFrame) in
                    try RecordCoding.record(header: header, topic: topic, metadata: metadata, data: data)
                }
            }
            self = .event(record, logID: header.logID)
        case .heartbeat:
            guard isHeartbeatTopic, metadata.isEmpty, frames.withBytes(of: 2, \.isEmpty) else {
                throw MalformedFrame("a heartbeat has the topic heartbeat/ and neither metadata nor data")
            }
            self = .heartbeat(
                logID: header.logID, position: header.position, hash: header.hash, epoch: header.streamVersion)
        }
    }

    /// Publishes an event. What a subscriber's queue has no room for is dropped for that subscriber, who finds out by
    /// the positions; nobody waits.
    public static func send(_ record: RecordedEvent, in logID: UniqueID, on socket: Socket) throws(ZeroMQError) {
        _ = try socket.sendFrame(byteCount: record.topicSize, more: true, record.writeTopic)
        try send(
            header: RecordHeader(of: record, in: logID), metadata: record.event.metadata, data: record.event.data,
            on: socket)
    }

    /// Publishes a heartbeat.
    ///
    /// - Parameter epoch: that of the lead under which it is sent, ``StoreLease/epoch``; 0: the log counts no leads.
    public static func sendHeartbeat(
        of logID: UniqueID, at head: LogHead, epoch: UInt64 = 0, on socket: Socket
    ) throws(ZeroMQError) {
        let topic = heartbeatTopic.utf8
        _ = try socket.sendFrame(byteCount: topic.count, more: true) { $0.copyBytes(from: topic) }
        try send(header: RecordHeader(heartbeatOf: logID, at: head, epoch: epoch), metadata: [], data: [], on: socket)
    }

    private static func send(
        header: RecordHeader, metadata: [UInt8], data: [UInt8], on socket: Socket
    ) throws(ZeroMQError) {
        _ = try socket.sendFrame(byteCount: RecordHeader.size + metadata.count, more: true) { frame in
            header.write(to: frame)
            UnsafeMutableRawBufferPointer(rebasing: frame[RecordHeader.size...]).copyBytes(from: metadata)
        }
        _ = try socket.sendFrame(byteCount: data.count, more: false) { $0.copyBytes(from: data) }
    }
}
