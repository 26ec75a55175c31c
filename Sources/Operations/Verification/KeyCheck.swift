internal import EventSourcing
internal import SQLiteEventStore

/// Compares command keys with the events that they speak of.
struct KeyCheck {
    let count: Int
    private let byPosition: [UInt64: [SQLiteLogFile.Key]]

    init(_ keys: [SQLiteLogFile.Key]) {
        count = keys.count
        byPosition = Dictionary(grouping: keys) { $0.outcome.commit.position }
    }

    /// The log has come to a position: what was done under a key left its streams at the versions that the key speaks of.
    ///
    /// - Parameters:
    ///   - isInsideAppend: whether the append of the record there goes on in the next one.
    ///   - version: the version of a stream at that position.
    func pass(
        _ position: UInt64, recordedAt: Timestamp, isInsideAppend: Bool, version: (StreamID) -> UInt64
    ) throws(VerificationFailure) {
        for key in byPosition[position] ?? [] {
            let commit = key.outcome.commit
            guard commit.recordedAt >= recordedAt else {
                throw failure(key, position, "it was recorded before the record of its position")
            }
            guard !isInsideAppend else { throw failure(key, position, "it speaks of a position inside an append") }
            guard !commit.streamVersions.isEmpty else { throw failure(key, position, "it speaks of no version") }
            for (stream, kept) in zip(key.outcome.streams, commit.streamVersions) where kept != version(stream) {
                throw failure(
                    key, position,
                    "it speaks of version \(kept) of \(stream), which was at version \(version(stream)) then")
            }
        }
    }

    /// The log has ended: no key speaks of what comes after it.
    func finish(at head: UInt64) throws(VerificationFailure) {
        guard let position = byPosition.keys.filter({ $0 > head }).min(), let key = byPosition[position]?.first else {
            return
        }
        throw failure(key, position, "it speaks of this position, but the log ends at position \(head)")
    }

    private func failure(
        _ key: SQLiteLogFile.Key, _ position: UInt64, _ reason: String
    ) -> VerificationFailure {
        let text = String(decoding: key.key, as: UTF8.self)
        return VerificationFailure(position: position, stream: key.scope, "the command key “\(text)”: \(reason)")
    }
}
