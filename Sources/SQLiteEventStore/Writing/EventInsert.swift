internal import EventSourcing
internal import GRDB

/// Adds rows to `events`.
struct EventInsert {
    /// What a run of a statement costs beside its rows is shared by so many.
    private static let rowsOfMany = 8
    private static let columns = 12

    private let one: PreparedStatement
    private let many: PreparedStatement

    init(_ database: Database) throws {
        let row = "(" + Array(repeating: "?", count: Self.columns).joined(separator: ", ") + ")"
        let rows = Array(repeating: row, count: Self.rowsOfMany).joined(separator: ", ")
        one = try PreparedStatement("INSERT INTO events VALUES \(row)", database)
        many = try PreparedStatement("INSERT INTO events VALUES \(rows)", database)
    }

    /// Adds records, in order.
    func insert(_ records: ArraySlice<RecordedEvent>) throws {
        var rest = records
        while !rest.isEmpty {
            let isMany = rest.count >= Self.rowsOfMany
            let rows = rest.prefix(isMany ? Self.rowsOfMany : 1)
            try insert(rows, by: isMany ? many : one)
            rest = rest.dropFirst(rows.count)
        }
    }

    /// SQLite copies nothing of what is bound: it lies in one place that outlives the run.
    private func insert(_ rows: ArraySlice<RecordedEvent>, by statement: PreparedStatement) throws {
        // Lent, not copied: each copy would count the references to all that a record holds.
        let records = rows.span
        var size = 0
        for index in records.indices { size += BoundRecord.size(of: records[index]) }
        try withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { place in
            var rest = place
            for index in records.indices {
                let bound = BoundRecord(statement, before: Int32(index * Self.columns))
                rest = try bound.bind(records[index], copiedTo: rest)
            }
            try statement.run()
        }
    }
}

/// Binds one record to the parameters of its row.
private struct BoundRecord {
    private let statement: PreparedStatement
    /// The number of parameters before those of the row.
    private let before: Int32

    init(_ statement: PreparedStatement, before: Int32) {
        self.statement = statement
        self.before = before
    }

    /// The bytes that a record's texts and blobs take.
    static func size(of record: RecordedEvent) -> Int {
        record.topicSize + 16 + 32 + record.event.metadata.count + record.event.data.count
    }

    /// - Returns: what is left of the place.
    func bind(
        _ record: RecordedEvent, copiedTo place: UnsafeMutableRawBufferPointer
    ) throws -> UnsafeMutableRawBufferPointer {
        var offset = 0
        func copy(_ count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) -> UnsafeRawBufferPointer {
            let target = UnsafeMutableRawBufferPointer(rebasing: place[offset..<(offset + count)])
            write(target)
            offset += count
            return UnsafeRawBufferPointer(target)
        }
        func copy(_ text: String) -> UnsafeRawBufferPointer {
            copy(text.utf8.count) { $0.copyBytes(from: text.utf8) }
        }
        let event = record.event
        try statement.bind(record.position, at: before + 1)
        try statement.bindText(borrowing: copy(record.stream.category), at: before + 2)
        try statement.bindText(borrowing: copy(record.stream.name), at: before + 3)
        try statement.bind(record.streamVersion, at: before + 4)
        try statement.bindText(borrowing: copy(event.type), at: before + 5)
        try statement.bind(Int64(event.schemaVersion), at: before + 6)
        try statement.bind(record.recordedAt.microseconds, at: before + 7)
        let id = copy(16) { bytes in
            bytes.storeBytes(of: event.id.high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: event.id.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        try statement.bind(borrowing: id, at: before + 8)
        let hash = copy(32) { bytes in
            let words = record.hash.words
            bytes.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
        }
        try statement.bind(borrowing: hash, at: before + 9)
        let metadata = copy(event.metadata.count) { $0.copyBytes(from: event.metadata) }
        try statement.bindText(borrowing: metadata, at: before + 10)
        let data = copy(event.data.count) { $0.copyBytes(from: event.data) }
        try statement.bindText(borrowing: data, at: before + 11)
        try statement.bind(record.continues ? 1 as Int64 : 0, at: before + 12)
        return UnsafeMutableRawBufferPointer(rebasing: place[offset...])
    }
}
