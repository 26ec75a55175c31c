/// A log that is made, or continued, of the records of another place: whole, with their positions, hashes and times. The
/// calls block; it belongs to one thread, and no service has the log meanwhile.
public protocol LogDestination: AnyObject {
    /// Where the log is, for people: printable, and without a password.
    var place: String { get }

    /// The last record that it holds.
    var head: LogHead { get }

    /// Adds records that follow ``head`` and are the whole of some appends, and keys that were decided at their positions, or at
    /// the head's: all of it durable, or nothing, when the call returns. A key that is there already stays.
    ///
    /// - Throws: a ``StoreFailure`` that is damage if the records do not follow, or if a key has another outcome already;
    ///   ``StoreObstacle``. After an error nothing more may be added: it is closed, and opened again to see what it holds.
    func append(_ records: [RecordedEvent], _ keys: [RecordedKey]) throws

    /// Keeps snapshots whose events it has; others are left out.
    func keep(_ snapshots: [Snapshot]) throws

    /// Ends the use of the log.
    func close() throws
}

extension LogDestination {
    /// Runs what fills it, and closes it, whatever happens.
    ///
    /// - Throws: what `body` throws; else what ``close()`` does.
    public func closing<Value>(after body: (any LogDestination) throws -> Value) throws -> Value {
        let result = Result { try body(self) }
        do {
            try close()
        } catch {
            // Of two errors the first says more.
            _ = try result.get()
            throw error
        }
        return try result.get()
    }
}
