/// A log that is read beside the service that writes it, or a backup of one. The calls block.
///
/// Nothing is held between the calls that would keep the service from its work.
public protocol LogSource: Sendable {
    /// The log's id.
    var logID: UniqueID { get }

    /// Where the log is, for people: printable, and without a password.
    var place: String { get }

    /// The last record; nil if there is none.
    func last() throws -> RecordedEvent?

    /// Records in order from the one after a position, as they stand: whoever reads them proves them.
    ///
    /// - Throws: a ``StoreFailure`` that is damage, with the position, if one is missing or cannot be read.
    func readLog(after position: UInt64, limit: ReadLimit) throws -> [RecordedEvent]

    /// The command keys that were decided at a position or after it, as they are now: all those of every position but the
    /// last one are among them, since nothing more is decided at a position once the log goes on.
    func keys(from position: UInt64) throws -> RecordedKeys

    /// At most `limit` snapshots in an order of the store's own, after one of them; nil: from the first one on.
    func snapshots(after last: Snapshot?, limit: Int) throws -> [Snapshot]

    /// Requires that nothing is wrong with the store itself, as far as it knows.
    ///
    /// - Throws: a ``StoreFailure`` that is damage.
    func requireSound() throws

    /// A check of what the store keeps beside the records so that they are found.
    func indexCheck() throws -> any LogIndexCheck

    /// Requires that an append ends with the record at a position, or that none is there: a log is cut between appends only.
    ///
    /// - Throws: a ``StoreFailure`` that names the nearest positions where one ends.
    func requireEndOfAppend(at position: UInt64) throws
}

extension LogSource {
    /// The last record's place in the chain.
    public func head() throws -> LogHead {
        guard let last = try last() else {
            return LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: Timestamp(microseconds: 0))
        }
        return LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt)
    }
}

/// Compares what a store keeps so that records are found with the records, which are shown to it in their order.
public protocol LogIndexCheck {
    /// Checks what is kept of the next record.
    ///
    /// - Throws: a ``StoreFailure`` that is damage, with the position.
    mutating func take(_ record: RecordedEvent) throws

    /// Checks what is kept of them all: the log ends here, or did when the reading began.
    ///
    /// - Throws: as ``take(_:)``.
    mutating func finish() throws
}
