public import EventSourcing
internal import EventStoreRules

/// The log of a database that is made, or continued, of the records of another place.
///
/// It leads the log meanwhile, see ``OfflineLead``. What it has not finished is rolled back when its connection ends.
public final class PostgreSQLLogDestination: LogDestination {
    private static let maxCachedStreams = 500_000

    /// Hosts, port and database.
    public let place: String
    /// The last record that it holds.
    public private(set) var head: LogHead

    private let string: ConnectionString
    private let lead: OfflineLead
    private let logID: UniqueID
    private let slots: IndexSlot
    private var streams = StreamEndCache(capacity: maxCachedStreams)

    /// Opens the log of a database, and makes it if there is none. One that is empty gets the id: somebody may have opened it
    /// to make the schema.
    ///
    /// - Parameters:
    ///   - logID: the id that the log has, or gets.
    ///   - isNew: whether there may be no log yet but an empty one.
    /// - Throws: ``PostgreSQLEventStoreError`` `otherLog`, with the database left as it was, if it holds another log, or one
    ///   although there may be none; `locked` if a service leads it; else as ``PostgreSQLOpening/attempt()``.
    public init(_ connectionString: String, for logID: UniqueID, isNew: Bool = false) throws {
        let string = try ConnectionString(connectionString)
        // Before anything is changed: of another log not even who leads it.
        try Self.require(logID, isNew: isNew, at: string)
        let opened = try PostgreSQLOpening(
            connectionString, standby: false, timeouts: Timeouts(), newID: logID
        ).opened()
        self.string = string
        place = string.place
        self.logID = logID
        slots = IndexSlot(salt: opened.identity.salt)
        lead = try OfflineLead(of: opened)
        head = opened.head
        guard opened.identity.logID != logID else { return }
        do {
            try OfflineSession.attempt("continue", string) { try giveID(insteadOf: opened.identity.logID) }
            head = LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: head.recordedAt)
        } catch {
            // Closed, whatever comes of that.
            try closing { _ in throw error }
        }
    }

    private static func require(_ logID: UniqueID, isNew: Bool, at string: ConnectionString) throws {
        let connection = try OfflineSession.open(string, for: .reading)
        try OfflineSession.attempt("open", string) {
            guard try Schema.foundVersion(connection, string, OfflineSession.limit) > 0 else { return }
            let found = try Schema.identity(connection, string, within: OfflineSession.limit).logID
            let rows = try connection.run(
                Statement("SELECT \(isEmpty)", returning: [.bool]), within: OfflineSession.limit)
            if rows.first?.bool(at: 0) == true { return }
            guard found == logID else { throw otherLog(found, instead: logID, string) }
            guard !isNew else {
                throw PostgreSQLEventStoreError(
                    .otherLog,
                    "this log, or a part of it, is there already, in \(string.place): continue it with daybook copy, or "
                        + "choose another database")
            }
        }
    }

    /// Whether nothing was ever recorded or decided.
    private static let isEmpty = """
        EXISTS (SELECT FROM daybook.writer WHERE position = 0) AND NOT EXISTS (SELECT FROM daybook.records)
        AND NOT EXISTS (SELECT FROM daybook.refusals) AND NOT EXISTS (SELECT FROM daybook.snapshots)
        """

    /// Gives an empty log the id in place of the one that it has.
    ///
    /// - Throws: `otherLog`, with nothing changed, if it is not empty: something may have come meanwhile.
    private func giveID(insteadOf found: UniqueID) throws {
        try lead.write { _ in
            [Statement("UPDATE daybook.log SET id = $1 WHERE \(Self.isEmpty)", [.id(logID)])]
        }
        let rows = try lead.run([Statement("SELECT id FROM daybook.log", returning: [.uuid])])
        guard rows.first?.first?.id(at: 0) == logID else { throw Self.otherLog(found, instead: logID, string) }
    }

    private static func otherLog(
        _ found: UniqueID, instead logID: UniqueID, _ string: ConnectionString
    ) -> PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(
            .otherLog, "\(string.place) holds another log, \(found), and not \(logID): choose another database")
    }

    /// Adds records and keys in one transaction.
    public func append(_ records: [RecordedEvent], _ keys: [RecordedKey]) throws {
        try OfflineSession.attempt("continue", string) {
            var copy = try CopiedRecords(after: head, in: logID, ends: ends(of: records))
            for record in records { try copy.take(record) }
            for key in try missing(keys) { copy.take(key) }
            guard copy.head.position <= IndexSlot.maxPosition else {
                throw StoreObstacle(.full, "the log has as many records as \(place) can have")
            }
            try lead.write(end: copy.head.position) {
                BatchInsert.statements(for: copy.entries, copy.refusals, slots, change: $0)
            }
            head = copy.head
            for (stream, end) in copy.ends { streams.set(end, for: stream) }
        }
    }

    /// Keeps the snapshots whose events it has, in one transaction.
    public func keep(_ snapshots: [Snapshot]) throws {
        try OfflineSession.attempt("continue", string) {
            let bound = bound
            let events = try lead.run(snapshots.map { Snapshots.event(of: $0, slots, bound) })
            let kept = zip(snapshots, events).filter { Snapshots.isOfHistory($0, $1) }.map { Snapshots.keep($0.0) }
            if !kept.isEmpty { try lead.write { _ in kept } }
        }
    }

    /// Gives the lead back.
    public func close() throws {
        try OfflineSession.attempt("close", string) { try lead.release() }
    }

    /// Everything: nobody else writes.
    private var bound: ReadBound { ReadBound(position: head.position, change: lead.changes) }

    /// The ends of the streams that records are of, but for those that begin with them.
    private func ends(of records: [RecordedEvent]) throws -> [StreamID: StreamEnd] {
        var ends: [StreamID: StreamEnd] = [:]
        var unknown: [StreamID] = []
        var seen: Set<StreamID> = []
        for record in records where seen.insert(record.stream).inserted && record.streamVersion > 1 {
            if let end = streams.end(of: record.stream) {
                ends[record.stream] = end
            } else {
                unknown.append(record.stream)
            }
        }
        guard !unknown.isEmpty else { return ends }
        guard let rows = try lead.run([StreamQueries.ends(of: unknown, slots, through: head.position)]).first else {
            return ends
        }
        for index in 0..<rows.count {
            guard let (number, end) = StreamQueries.end(rows[index]), unknown.indices ~= number else {
                throw PostgreSQLEventStoreError(
                    .damaged, "the end of a stream cannot be read; run verify, or restore a backup")
            }
            ends[unknown[number]] = end
        }
        return ends
    }

    /// The keys that are not there yet: those that were decided at the head may be.
    private func missing(_ keys: [RecordedKey]) throws -> [RecordedKey] {
        let doubtful = keys.filter { $0.position <= head.position }
        guard !doubtful.isEmpty else { return keys }
        let asked = doubtful.map { ScopedKey(key: $0.key, scope: $0.scope) }
        guard let rows = try lead.run([CommandKeys.find(asked, slots, bound)]).first else { return keys }
        var known: [ScopedKey: CommandKeys.Known] = [:]
        for index in 0..<rows.count {
            let (key, what) = try CommandKeys.read(rows[index], of: asked)
            known[key] = what
        }
        return try keys.filter { key in
            guard let there = known[ScopedKey(key: key.key, scope: key.scope)] else { return true }
            guard there == (key.fingerprint, key.outcome) else {
                throw PostgreSQLEventStoreError.damaged(
                    at: key.position,
                    "the command key “\(String(decoding: key.key, as: UTF8.self).printable)” of \(key.scope) has another "
                        + "outcome here")
            }
            return false
        }
    }
}
