internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// Writes records and keys as another place has them, within a transaction. Changes nothing in memory but itself.
struct CopiedRecords {
    /// The head after the records so far.
    private(set) var head: LogHead
    /// The ends of the streams that the records so far have changed.
    private(set) var changed: [StreamID: StreamHead] = [:]

    /// The head before them.
    private let before: UInt64
    private let logID: UniqueID
    private let heads: StreamHeads
    private let database: Database
    private let insert: EventInsert
    private var links: StreamLinkInsert

    init(_ database: Database, logID: UniqueID, after head: LogHead, _ heads: StreamHeads) throws {
        self.head = head
        before = head.position
        self.logID = logID
        self.heads = heads
        self.database = database
        insert = try EventInsert(database)
        links = try StreamLinkInsert(database)
    }

    /// Adds records that follow.
    ///
    /// - Throws: `damaged`, with the position, for one that does not.
    mutating func take(_ records: [RecordedEvent]) throws {
        for record in records { try follow(record) }
        try insert.insert(records[...])
        try links.flush()
    }

    private mutating func follow(_ record: RecordedEvent) throws {
        func failure(_ reason: String) -> SQLiteEventStoreError { .damaged(at: record.position, reason) }
        guard record.position == head.position + 1 else { throw failure("position \(head.position + 1) should come") }
        guard record.recordedAt >= head.recordedAt else { throw failure("it is older than the record before it") }
        guard HashChain.hash(of: record, after: head.hash, in: logID) == record.hash else {
            throw failure("its hash does not follow from its content and the record before it")
        }
        let end = try changed[record.stream] ?? heads.head(of: record.stream, database)
        guard record.streamVersion == end.version + 1 else {
            throw failure(
                "it says that it is version \(record.streamVersion) of \(record.stream), whose next version is "
                    + "\(end.version + 1)")
        }
        try links.add(at: record.position, onto: end)
        changed[record.stream] = end.followed(by: record.event.id, at: record.position)
        head = LogHead(position: record.position, hash: record.hash, recordedAt: record.recordedAt)
    }

    /// Adds keys; those that were decided at the head before may be there already.
    ///
    /// - Throws: `damaged` if one of them has another outcome there.
    func take(_ keys: [RecordedKey]) throws {
        for key in keys {
            if key.position <= before, let known = try CommandKeys.find(key.key, in: key.scope, database) {
                guard known == (key.fingerprint, key.outcome) else {
                    throw SQLiteEventStoreError.damaged(
                        at: key.position,
                        "the command key “\(String(decoding: key.key, as: UTF8.self).printable)” of \(key.scope) has "
                            + "another outcome here")
                }
            } else {
                try CommandKeys.insert(key, database)
            }
        }
    }
}
