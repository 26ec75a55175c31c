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

    /// The log has come to a position: what was done under a key left its scope at the version that the key speaks of.
    ///
    /// - Parameter version: the version of a stream at that position.
    func pass(
        _ position: UInt64, recordedAt: Timestamp, version: (StreamID) -> UInt64
    ) throws(VerificationFailure) {
        for key in byPosition[position] ?? [] {
            let commit = key.outcome.commit
            guard commit.recordedAt >= recordedAt else {
                throw failure(key, position, "it was recorded before the record of its position")
            }
            guard commit.streamVersions.first == version(key.scope) else {
                throw failure(
                    key, position,
                    "it speaks of version \(commit.streamVersions.first ?? 0) of its stream, which was at version "
                        + "\(version(key.scope)) then")
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
