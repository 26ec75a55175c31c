internal import CPostgreSQL
internal import EventSourcing

/// The rows of a result, in memory until this object is gone.
final class Rows {
    /// How many there are.
    let count: Int
    /// What was done, such as `INSERT 0 3`, `COMMIT` or `ROLLBACK`.
    let command: String

    private let result: OpaquePointer

    /// Takes over a result that was expected to have these columns.
    ///
    /// - Throws: what is not as expected, in one clause; the result is then cleared.
    init(_ result: OpaquePointer, expecting columns: [ServerType]) throws(ConnectionFailure) {
        self.result = result
        count = Int(PQntuples(result))
        command = String(cString: PQcmdStatus(result))
        guard Int(PQnfields(result)) == columns.count else {
            throw .unexpected("\(PQnfields(result)) columns instead of \(columns.count)")
        }
        for (index, type) in columns.enumerated() {
            let column = Int32(index)
            guard PQfformat(result, column) == 1, PQftype(result, column) == type.rawValue else {
                throw .unexpected("column \(index) is not of type \(type)")
            }
        }
    }

    deinit { PQclear(result) }

    /// A row.
    subscript(index: Int) -> Row { Row(rows: self, index: Int32(index)) }

    /// The first row, if there is one.
    var first: Row? { count > 0 ? self[0] : nil }

    fileprivate func value(_ row: Int32, _ column: Int32) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(result, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }
}

/// One row. Every value is nil if it is NULL, or not what its type allows.
struct Row {
    fileprivate let rows: Rows
    fileprivate let index: Int32

    /// The bytes of a value, valid as long as the ``Rows`` are.
    func borrowedBytes(at column: Int32) -> UnsafeRawBufferPointer? { rows.value(index, column) }

    /// The number of bytes of a value; 0 for NULL.
    func count(at column: Int32) -> Int { borrowedBytes(at: column)?.count ?? 0 }

    func isNull(at column: Int32) -> Bool { borrowedBytes(at: column) == nil }

    func bytes(at column: Int32) -> [UInt8]? { borrowedBytes(at: column).map { [UInt8]($0) } }

    func text(at column: Int32) -> String? {
        borrowedBytes(at: column).map { String(decoding: $0, as: UTF8.self) }
    }

    func bool(at column: Int32) -> Bool? {
        guard let bytes = borrowedBytes(at: column), bytes.count == 1, bytes[0] <= 1 else { return nil }
        return bytes[0] == 1
    }

    func integer(at column: Int32) -> Int64? { fixed(at: column) }

    func smallInteger(at column: Int32) -> Int32? { fixed(at: column) }

    /// A position or a version: 0 to ``RecordedEvent/maxOrdinal``.
    func ordinal(at column: Int32) -> UInt64? { integer(at: column).flatMap { UInt64(exactly: $0) } }

    func time(at column: Int32) -> Timestamp? { integer(at: column).flatMap { Timestamp(sinceServerEpoch: $0) } }

    func id(at column: Int32) -> UniqueID? {
        guard let bytes = borrowedBytes(at: column), bytes.count == 16 else { return nil }
        return UniqueID(high: Self.word(bytes, 0), low: Self.word(bytes, 8))
    }

    func digest(at column: Int32) -> Digest256? {
        guard let bytes = borrowedBytes(at: column), bytes.count == 32 else { return nil }
        return Digest256(Self.word(bytes, 0), Self.word(bytes, 8), Self.word(bytes, 16), Self.word(bytes, 24))
    }

    /// An array of positions: of at most 64, which is more than ``StreamEnd/landmarks`` can be.
    func ordinals(at column: Int32) -> [UInt64]? {
        guard let bytes = borrowedBytes(at: column) else { return nil }
        func small(_ offset: Int) -> Int32 {
            Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        }
        guard bytes.count >= 12, small(4) == 0, small(8) == ServerType.int8.rawValue else { return nil }
        if small(0) == 0 { return [] }
        guard small(0) == 1, bytes.count >= 20, 0...64 ~= small(12), bytes.count == 20 + 12 * Int(small(12)) else {
            return nil
        }
        var ordinals: [UInt64] = []
        for offset in stride(from: 20, to: bytes.count, by: 12) {
            guard small(offset) == 8, let ordinal = UInt64(exactly: Int64(bitPattern: Self.word(bytes, offset + 4)))
            else { return nil }
            ordinals.append(ordinal)
        }
        return ordinals
    }

    private func fixed<Value: FixedWidthInteger>(at column: Int32) -> Value? {
        guard let bytes = borrowedBytes(at: column), bytes.count == MemoryLayout<Value>.size else { return nil }
        return Value(bigEndian: bytes.loadUnaligned(as: Value.self))
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
