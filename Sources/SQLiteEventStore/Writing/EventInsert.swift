internal import EventSourcing
internal import GRDB

/// Adds rows to `events`.
struct EventInsert {
    private let row: PreparedStatement

    init(_ database: Database) throws {
        row = try PreparedStatement("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", database)
    }

    /// Adds the records of one stream, in order.
    ///
    /// SQLite copies nothing: what is bound lies in memory that outlives the run.
    func insert(_ records: ArraySlice<RecordedEvent>, of stream: StreamID) throws {
        var (category, name) = (stream.category, stream.name)
        try category.withUTF8 { category in
            try name.withUTF8 { name in
                try row.bindText(borrowing: category, at: 2)
                try row.bindText(borrowing: name, at: 3)
                for record in records { try insert(record) }
            }
        }
    }

    private func insert(_ record: RecordedEvent) throws {
        try row.bind(record.position, at: 1)
        try row.bind(record.streamVersion, at: 4)
        try row.bind(Int64(record.event.schemaVersion), at: 6)
        try row.bind(record.recordedAt.microseconds, at: 7)
        var type = record.type
        try type.withUTF8 { type in
            try row.bindText(borrowing: type, at: 5)
            try record.event.id.withBytes { id in
                try row.bind(borrowing: id, at: 8)
                try record.hash.withBytes { hash in
                    try row.bind(borrowing: hash, at: 9)
                    try insertContent(of: record)
                }
            }
        }
    }

    private func insertContent(of record: RecordedEvent) throws {
        try record.event.metadata.withUnsafeBufferPointer { metadata in
            try row.bindText(borrowing: metadata, at: 10)
            try record.event.data.withUnsafeBufferPointer { data in
                try row.bindText(borrowing: data, at: 11)
                try row.run()
            }
        }
    }
}

extension UniqueID {
    /// The 16 bytes, in their order.
    fileprivate func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try withUnsafeBytes(of: (high.bigEndian, low.bigEndian), body)
    }
}

extension Digest256 {
    /// The 32 bytes, in their order.
    fileprivate func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try withUnsafeBytes(
            of: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian), body)
    }
}
