public import EventSourcing
public import SQLiteEventStore

/// A point of a log that somebody noted elsewhere: `POSITION:HASH`.
public struct PinnedHead: Hashable, Sendable, CustomStringConvertible {
    /// The position.
    public let position: UInt64
    /// The hash there.
    public let hash: Digest256

    /// A point from its parts.
    public init(position: UInt64, hash: Digest256) {
        self.position = position
        self.hash = hash
    }

    /// Reads `POSITION:HASH`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let position = UInt64(parts[0]), let hash = Digest256(hexadecimal: parts[1]) else {
            return nil
        }
        self.init(position: position, hash: hash)
    }

    /// `POSITION:HASH`.
    public var description: String { "\(position):\(hash)" }
}

/// What was found in a log whose records are all as they were recorded.
public struct VerifiedLog: Hashable, Sendable {
    /// The last record.
    public let head: PinnedHead
    /// The number of streams.
    public let streams: Int
    /// The number of command keys.
    public let keys: Int
    /// The number of snapshots that were checked; nil without the key that they are signed with.
    public let snapshots: Int?
    /// The streams that cannot be folded to their end, because a record of them cannot be applied.
    public let unreadable: UnreadableStreams
}

/// Proves a log from its beginning to its head: the file's structure, the chain of hashes, positions, versions and
/// times, that appends are whole, the fold of every aggregate, and keys and snapshots against all of that.
public struct LogVerification<State: SnapshottableAggregate> {
    private static var recordsOfARead: Int { 5000 }

    private let file: SQLiteLogFile
    private let signer: SnapshotSigner<State>?

    /// A verification of a file; every stream of the aggregate's category is folded.
    ///
    /// - Parameter key: what the services sign snapshots with; without it snapshots are not checked. Services believe none
    ///   that is not signed.
    public init(of file: SQLiteLogFile, as _: State.Type, snapshotsSignedWith key: SnapshotKey? = nil) {
        self.file = file
        signer = key.map { SnapshotSigner($0) }
    }

    /// Verifies everything up to the head as it is at the beginning.
    ///
    /// The log may be live. So everything that stands on events is read before the head is: then the head covers it, and
    /// what is recorded later is no concern of this run.
    ///
    /// - Parameters:
    ///   - pinned: a point that the log must continue.
    ///   - progress: is told how many records of how many are done.
    /// - Throws: ``VerificationFailure`` at the first thing that is wrong. A record that is as it was recorded but cannot be
    ///   applied is none: its stream is among ``VerifiedLog/unreadable``, and everything else is proved.
    public func run(
        pinned: PinnedHead? = nil, progress: (_ done: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) throws -> VerifiedLog {
        var unreadable = UnreadableStreams()
        do {
            return try prove(pinned: pinned, unreadable: &unreadable, progress: progress)
        } catch var failure as VerificationFailure {
            failure.unreadable = unreadable
            throw failure
        }
    }

    private func prove(
        pinned: PinnedHead?, unreadable: inout UnreadableStreams, progress: (_ done: UInt64, _ all: UInt64) -> Void
    ) throws -> VerifiedLog {
        if let problem = try attempt({ try file.structuralProblem() }) {
            throw VerificationFailure("the file is damaged: \(problem)")
        }
        var snapshots = try signer.map { signer in
            SnapshotCheck(
                try attempt { try file.snapshots(fingerprint: signer.fingerprint) }, of: file.logID, signedBy: signer)
        }
        let keys = KeyCheck(
            try attempt {
                var keys: [SQLiteLogFile.Key] = []
                try file.forEachKey { keys.append($0) }
                return keys
            })
        var index = try attempt { try StreamIndexCheck(of: file) }
        let head = try attempt { try file.last()?.position ?? 0 }
        if let pinned, pinned.position > head {
            throw VerificationFailure(
                position: pinned.position, "it was pinned, but the log ends at position \(head): the end is missing")
        }
        var chain = ChainVerifier(logID: file.logID)
        var states: [StreamID: Revision<State>] = [:]
        progress(0, head)
        try check(pinned, chain)
        try check(keys, chain)
        while chain.position < head {
            let position = chain.position
            let limit = Int(clamping: min(UInt64(Self.recordsOfARead), head - position))
            let records = try attempt { try file.readLog(after: position, limit: limit) }
            guard !records.isEmpty else { throw VerificationFailure(position: position + 1, "it is missing") }
            for record in records {
                try chain.take(record)
                try check(pinned, chain)
                try check(keys, chain)
                try attempt { try index.take(record) }
                guard record.stream.category == State.category else { continue }
                if !unreadable.contains(record.stream) {
                    do throws(RevisionError) {
                        try states[record.stream, default: Revision(of: record.stream)].apply(record)
                    } catch {
                        unreadable.add(error)
                        states[record.stream] = nil
                    }
                }
                if let revision = states[record.stream] {
                    try snapshots?.pass(revision)
                } else {
                    snapshots?.skip(record.stream, version: record.streamVersion)
                }
            }
            progress(chain.position, head)
        }
        try chain.finish()
        try keys.finish(at: head)
        try snapshots?.finish()
        return VerifiedLog(
            head: PinnedHead(position: chain.position, hash: chain.hash), streams: chain.streams, keys: keys.count,
            snapshots: snapshots?.count, unreadable: unreadable)
    }

    private func check(_ pinned: PinnedHead?, _ chain: ChainVerifier) throws(VerificationFailure) {
        guard let pinned, pinned.position == chain.position, pinned.hash != chain.hash else { return }
        throw VerificationFailure(
            position: pinned.position,
            "its hash is \(chain.hash), pinned was \(pinned.hash): history up to here was rewritten")
    }

    private func check(_ keys: KeyCheck, _ chain: ChainVerifier) throws(VerificationFailure) {
        try keys.pass(chain.position, recordedAt: chain.recordedAt, isInsideAppend: chain.isInsideAppend) {
            chain.version(of: $0)
        }
    }

    /// What the file's own checks find is a failure of the log, not of the program.
    private func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as SQLiteEventStoreError where error.code == .damaged {
            throw VerificationFailure(error.description)
        }
    }
}

extension PinnedHead {
    /// The head of a log's file as it is now.
    public init(of file: SQLiteLogFile) throws {
        let last = try file.last()
        self.init(position: last?.position ?? 0, hash: last?.hash ?? HashChain.genesis(of: file.logID))
    }
}
