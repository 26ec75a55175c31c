/// A record in memory that somebody lends: a row of a store, a frame of a message. For those who prove records or pass
/// them on, and need nothing of it afterwards; a ``RecordedEvent`` is what stays.
public struct RecordView {
    /// The fixed part, with the log's id and the record's hash.
    public let header: RecordHeader
    /// The kind of aggregate that the stream is of, in UTF-8.
    public let category: UnsafeRawBufferPointer
    /// The event's type, in UTF-8.
    public let type: UnsafeRawBufferPointer
    /// The stream's name within its category, in UTF-8.
    public let name: UnsafeRawBufferPointer
    /// What is known about the event: see ``NewEvent/metadata``.
    public let metadata: UnsafeRawBufferPointer
    /// The event's own data: see ``NewEvent/data``.
    public let data: UnsafeRawBufferPointer

    /// A view of a record's parts, valid as long as their memory is. Nothing is checked.
    public init(
        header: RecordHeader, category: UnsafeRawBufferPointer, type: UnsafeRawBufferPointer,
        name: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer
    ) {
        self.header = header
        self.category = category
        self.type = type
        self.name = name
        self.metadata = metadata
        self.data = data
    }

    /// The number of bytes of the topic: see ``RecordedEvent/topic``.
    public var topicSize: Int { category.count + type.count + name.count + 3 }

    package func writeTopic(to writer: inout MemoryWriter) {
        writer.segment(category)
        writer.segment(type)
        writer.segment(name)
    }
}

extension RecordedEvent {
    /// A copy of a record; nil where its stream or its type has a name that cannot be.
    public init?(_ view: RecordView) {
        guard let stream = StreamID(category: view.category, name: view.name),
            StreamID.isValidEventType(view.type)
        else { return nil }
        self.init(
            position: view.header.position, stream: stream, streamVersion: view.header.streamVersion,
            recordedAt: view.header.recordedAt,
            event: NewEvent(
                id: view.header.eventID, type: String(decoding: view.type, as: UTF8.self),
                schemaVersion: view.header.schemaVersion, metadata: [UInt8](view.metadata), data: [UInt8](view.data)),
            continues: view.header.continues, hash: view.header.hash)
    }

    /// Lends the record's parts.
    public func withView<Result, Failure: Error>(
        in logID: UniqueID, _ body: (RecordView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try stream.category.withBytes { category throws(Failure) in
            try event.type.withBytes { type throws(Failure) in
                try stream.name.withBytes { name throws(Failure) in
                    try event.metadata.withBytes { metadata throws(Failure) in
                        try event.data.withBytes { data throws(Failure) in
                            try body(
                                RecordView(
                                    header: RecordHeader(of: self, in: logID), category: category, type: type,
                                    name: name, metadata: metadata, data: data))
                        }
                    }
                }
            }
        }
    }
}

extension String {
    fileprivate func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var text = self
        return try text.withUTF8 { bytes in
            Swift.Result { () throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
        }
        .get()
    }
}

extension [UInt8] {
    fileprivate func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBytes { bytes in Swift.Result { () throws(Failure) in try body(bytes) } }.get()
    }
}
