internal import EventSourcing

/// Compares the links and the numbers by which streams are found with the records of the log, which are shown to it in their
/// order.
struct IndexCheck: LogIndexCheck {
    private static let rowsOfARead: Int64 = 5000

    /// What was shown of a stream.
    private struct Known {
        var end = StreamEnd()
        /// Whether its last record can be found as its end.
        var isFound = true
    }

    /// What stands in a row beside the record.
    private struct Links {
        let position: UInt64
        let previous: UInt64?
        let skip: UInt64?
        let headSlot: Int64?
        let hasHeadSlot: Bool
    }

    private let source: PostgreSQLLogSource
    private let slots: IndexSlot
    private var streams: [StreamID: Known] = [:]
    private var rows: ArraySlice<Links> = []

    init(of source: PostgreSQLLogSource, _ slots: IndexSlot) {
        self.source = source
        self.slots = slots
    }

    /// Checks the links of the next record, and the number that it has if it ended a transaction for its stream.
    mutating func take(_ record: RecordedEvent) throws {
        if rows.isEmpty { rows = try source.read { try Self.rows(from: record.position, $0) }[...] }
        guard let found = rows.popFirst(), found.position == record.position else {
            throw PostgreSQLEventStoreError.damaged(at: record.position, "it is missing")
        }
        var known = streams[record.stream, default: Known()]
        guard record.streamVersion == known.end.version + 1 else {
            throw PostgreSQLEventStoreError.damaged(
                at: record.position,
                "it says that it is version \(record.streamVersion) of \(record.stream), whose next version is "
                    + "\(known.end.version + 1)")
        }
        let links = known.end.append(record.event.id, at: record.position)
        guard found.previous == links.previous, found.skip == links.skip else {
            throw PostgreSQLEventStoreError.damaged(
                at: record.position, "the way back from it through its stream, in previous and skip, is wrong")
        }
        if found.hasHeadSlot,
            found.headSlot != IndexSlot.slot(of: slots.hash(of: record.stream), at: record.position)
        {
            throw PostgreSQLEventStoreError.damaged(at: record.position, "its head_slot is not that of its stream")
        }
        known.isFound = found.hasHeadSlot
        streams[record.stream] = known
    }

    /// Requires that the last record of each stream is found as its end.
    mutating func finish() throws {
        let lost = streams.filter { !$0.value.isFound }.min { $0.value.end.position < $1.value.end.position }
        guard let lost else { return }
        throw PostgreSQLEventStoreError.damaged(
            at: lost.value.end.position,
            "it is the end of \(lost.key), and is not found as such: its head_slot is missing")
    }

    private static func rows(from position: UInt64, _ connection: Connection) throws -> [Links] {
        let rows = try connection.run(
            Statement(
                """
                SELECT position, previous, skip, head_slot FROM daybook.records WHERE position >= $1
                ORDER BY position LIMIT $2
                """, [.ordinal(position), .integer(rowsOfARead)], returning: [.int8, .int8, .int8, .int8]),
            within: OfflineSession.limit)
        return (0..<rows.count).map { index in
            let row = rows[index]
            return Links(
                position: row.ordinal(at: 0) ?? 0, previous: row.ordinal(at: 1), skip: row.ordinal(at: 2),
                headSlot: row.integer(at: 3), hasHeadSlot: !row.isNull(at: 3))
        }
    }
}
