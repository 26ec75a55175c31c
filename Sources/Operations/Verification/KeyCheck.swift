internal import EventSourcing

/// Compares command keys, in the order of their positions, with the events that they speak of.
struct KeyCheck {
    /// How many were checked.
    private(set) var count = 0
    private let keys: RecordedKeys

    init(_ keys: RecordedKeys) { self.keys = keys }

    /// The log has come to a position: what was done under a key left its streams at the versions that the key speaks of.
    ///
    /// - Parameter chain: the log up to there.
    mutating func pass(_ chain: ChainVerifier) throws {
        while let key = try keys.next(through: chain.position) {
            count += 1
            let commit = key.outcome.commit
            guard key.position == chain.position else { throw failure(key, "it comes after keys of later positions") }
            guard commit.recordedAt >= chain.recordedAt else {
                throw failure(key, "it was recorded before the record of its position")
            }
            guard !chain.isInsideAppend else { throw failure(key, "it speaks of a position inside an append") }
            guard !commit.streamVersions.isEmpty else { throw failure(key, "it speaks of no version") }
            for (stream, kept) in zip(key.outcome.streams, commit.streamVersions) {
                let version = chain.version(of: stream)
                if kept == version { continue }
                throw failure(
                    key, "it speaks of version \(kept) of \(stream), which was at version \(version) then")
            }
        }
    }

    /// The log has ended: no key speaks of what comes after it.
    func finish(at head: UInt64) throws {
        guard let key = try keys.next() else { return }
        throw failure(key, "it speaks of this position, but the log ends at position \(head)")
    }

    private func failure(_ key: RecordedKey, _ reason: String) -> VerificationFailure {
        let text = String(decoding: key.key, as: UTF8.self)
        return VerificationFailure(position: key.position, stream: key.scope, "the command key “\(text)”: \(reason)")
    }
}
