internal import EventSourcing
internal import GRDB

/// Adds rows to `events`.
struct EventInsert {
    private let row: PreparedStatement

    init(_ database: Database) throws {
        row = try PreparedStatement("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", database)
    }

    /// Adds the records of one stream, in order.
    func insert(_ records: ArraySlice<RecordedEvent>, of stream: StreamID) throws {
        try row.bind(stream.category, at: 2)
        try row.bind(stream.name, at: 3)
        for record in records { try insert(record) }
    }

    private func insert(_ record: RecordedEvent) throws {
        try row.bind(record.position, at: 1)
        try row.bind(record.streamVersion, at: 4)
        try row.bind(record.type, at: 5)
        try row.bind(Int64(record.event.schemaVersion), at: 6)
        try row.bind(record.recordedAt.microseconds, at: 7)
        try row.bind(record.event.id, at: 8)
        try row.bind(record.hash, at: 9)
        try record.event.metadata.withUnsafeBufferPointer { metadata in
            try row.bindText(borrowing: metadata, at: 10)
            try record.event.data.withUnsafeBufferPointer { data in
                try row.bindText(borrowing: data, at: 11)
                try row.run()
            }
        }
    }
}
