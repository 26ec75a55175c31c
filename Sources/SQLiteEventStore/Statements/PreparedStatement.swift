internal import EventSourcing
internal import GRDB
internal import GRDBSQLite

/// A statement of the connection's cache, spoken to through SQLite's own interface: GRDB's would make an object of
/// every value, and a record has twelve.
///
/// Parameters count from 1 and columns from 0, as SQLite counts them.
struct PreparedStatement {
    private let statement: OpaquePointer

    /// The statement for `sql`, compiled when a connection meets it first.
    init(_ sql: String, _ database: Database) throws {
        statement = try database.cachedStatement(sql: sql).sqliteStatement
    }

    /// Runs a statement that returns no rows.
    func run() throws {
        defer { reset() }
        while try step() {}
    }

    /// Goes to the next row; false: there is none.
    func step() throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let error = failure(code)
            reset()
            throw error
        }
    }

    /// Ends the run, so that the statement holds no snapshot. Its parameters stay bound.
    func reset() {
        // The result repeats the error of the last step, which has been thrown.
        sqlite3_reset(statement)
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(sqlite3_db_handle(statement))),
            sql: String(cString: sqlite3_sql(statement)))
    }

    private func require(_ code: Int32) throws {
        if code != SQLITE_OK { throw failure(code) }
    }
}

// MARK: - Parameters

extension PreparedStatement {
    /// Binds a whole number.
    func bind(_ value: Int64, at index: Int32) throws {
        try require(sqlite3_bind_int64(statement, index, value))
    }

    /// Binds a position or version; those beyond SQLite's largest number, which no row has, as that number.
    func bind(_ value: UInt64, at index: Int32) throws {
        try bind(Int64(clamping: value), at: index)
    }

    /// Binds bytes as text, as they are. They must outlive the run: SQLite does not copy them.
    func bindText(borrowing bytes: UnsafeRawBufferPointer, at index: Int32) throws {
        // A null pointer would be NULL, and the memory of no bytes may well be one.
        guard let start = bytes.baseAddress else {
            return try require(sqlite3_bind_text(statement, index, "", 0, nil))
        }
        let text = start.assumingMemoryBound(to: CChar.self)
        try require(sqlite3_bind_text(statement, index, text, Int32(bytes.count), nil))
    }

    /// Binds bytes, of which there are some, as a blob. They must outlive the run: SQLite does not copy them.
    func bind(borrowing bytes: UnsafeRawBufferPointer, at index: Int32) throws {
        try require(sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), nil))
    }

    /// Binds a copy of a string.
    func bind(_ text: String, at index: Int32) throws {
        try require(sqlite3_bind_text(statement, index, text, Int32(text.utf8.count), Self.copied))
    }

    /// Binds a copy of a string, or NULL.
    func bind(_ text: String?, at index: Int32) throws {
        guard let text else { return try require(sqlite3_bind_null(statement, index)) }
        try bind(text, at: index)
    }

    /// Binds a copy of bytes.
    func bind(_ bytes: UnsafeRawBufferPointer, at index: Int32) throws {
        if bytes.isEmpty { return try require(sqlite3_bind_zeroblob(statement, index, 0)) }
        try require(sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), Self.copied))
    }

    /// Binds the 16 bytes of an id.
    func bind(_ id: UniqueID, at index: Int32) throws {
        try withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { try bind($0, at: index) }
    }

    /// Binds the 32 bytes of a digest.
    func bind(_ digest: Digest256, at index: Int32) throws {
        let words = digest.words
        let bytes = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        try withUnsafeBytes(of: bytes) { try bind($0, at: index) }
    }

    /// SQLite's `SQLITE_TRANSIENT`, a cast that Swift does not import.
    private static var copied: sqlite3_destructor_type? { unsafeBitCast(-1, to: sqlite3_destructor_type?.self) }
}

// MARK: - Columns

extension PreparedStatement {
    /// A whole number.
    func integer(at column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    /// A position or a version; 0, which none is, for a number below.
    func ordinal(at column: Int32) -> UInt64 { UInt64(clamping: integer(at: column)) }

    /// A moment by its microseconds; nil for a number that is none.
    func timestamp(at column: Int32) -> Timestamp? { Timestamp(exactMicroseconds: integer(at: column)) }

    /// The bytes of a text or a blob.
    func bytes(at column: Int32) -> [UInt8] { [UInt8](borrowedBytes(at: column)) }

    /// A text.
    func text(at column: Int32) -> String { String(decoding: borrowedBytes(at: column), as: UTF8.self) }

    /// The number of bytes of a text or a blob.
    func count(at column: Int32) -> Int { Int(sqlite3_column_bytes(statement, column)) }

    /// An id; nil where the column does not hold 16 bytes.
    func uniqueID(at column: Int32) -> UniqueID? {
        let bytes = borrowedBytes(at: column)
        guard bytes.count == 16 else { return nil }
        return UniqueID(high: Self.word(bytes, 0), low: Self.word(bytes, 8))
    }

    /// A digest; nil where the column does not hold 32 bytes.
    func digest(at column: Int32) -> Digest256? {
        let bytes = borrowedBytes(at: column)
        guard bytes.count == 32 else { return nil }
        return Digest256(Self.word(bytes, 0), Self.word(bytes, 8), Self.word(bytes, 16), Self.word(bytes, 24))
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The bytes of a text or a blob, where SQLite has them: valid until the next step.
    func borrowedBytes(at column: Int32) -> UnsafeRawBufferPointer {
        // As a blob, a text comes as the very bytes that were stored. The pointer must be asked for before the count.
        let start = sqlite3_column_blob(statement, column)
        return UnsafeRawBufferPointer(start: start, count: count(at: column))
    }
}
