public import EventSourcing

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

/// Proves a log from its beginning to its head: the store's own structure, the chain of hashes, positions, versions and
/// times, that appends are whole, the fold of every aggregate, and keys and snapshots against all of that.
public struct LogVerification<State: SnapshottableAggregate> {
    private static var recordsOfARead: UInt64 { 5000 }
    private static var bytesOfARead: Int { 16 << 20 }
    private static var snapshotsOfARead: Int { 200 }

    private let source: any LogSource
    private let signer: SnapshotSigner<State>?

    /// A verification of a log; every stream of the aggregate's category is folded.
    ///
    /// - Parameter key: what the services sign snapshots with; without it snapshots are not checked. Services believe none
    ///   that is not signed.
    public init(of source: any LogSource, as _: State.Type, snapshotsSignedWith key: SnapshotKey? = nil) {
        self.source = source
        signer = key.map { SnapshotSigner($0) }
    }

    /// Verifies everything up to the head as it is at the beginning, or to a position.
    ///
    /// The log may be live. So everything that stands on events is read before the head is: then the head covers it, and
    /// what is recorded later is no concern of this run.
    ///
    /// - Parameters:
    ///   - last: what comes after this position is left out: records, and keys and snapshots that stand on them. An append
    ///     must end there.
    ///   - pinned: a point that the log must continue.
    ///   - progress: is told how many records of how many are done.
    /// - Throws: ``VerificationFailure`` at the first thing that is wrong. A record that is as it was recorded but cannot be
    ///   applied is none: its stream is among ``VerifiedLog/unreadable``, and everything else is proved.
    public func run(
        upTo last: UInt64? = nil, pinned: PinnedHead? = nil,
        progress: (_ done: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) throws -> VerifiedLog {
        var unreadable = UnreadableStreams()
        do {
            return try prove(upTo: last, pinned: pinned, unreadable: &unreadable, progress: progress)
        } catch var failure as VerificationFailure {
            failure.unreadable = unreadable
            throw failure
        }
    }

    private func prove(
        upTo last: UInt64?, pinned: PinnedHead?, unreadable: inout UnreadableStreams,
        progress: (_ done: UInt64, _ all: UInt64) -> Void
    ) throws -> VerifiedLog {
        try attempt { try source.requireSound() }
        var snapshots = try signer.map { signer in
            SnapshotCheck(
                try attempt { try self.snapshots(of: signer.fingerprint) }, of: source.logID, signedBy: signer)
        }
        var keys = KeyCheck(try attempt { try source.keys(from: 0) })
        var index = try attempt { try source.indexCheck() }
        let end = try attempt { try source.last()?.position ?? 0 }
        let head = min(last ?? end, end)
        if let pinned, pinned.position > head {
            throw VerificationFailure(
                position: pinned.position, "it was pinned, but the log ends at position \(head): the end is missing")
        }
        var chain = ChainVerifier(logID: source.logID)
        var states: [StreamID: Revision<State>] = [:]
        progress(0, head)
        try check(pinned, chain)
        try attempt { try keys.pass(chain) }
        while chain.position < head {
            let position = chain.position
            let limit = ReadLimit(
                events: Int(clamping: min(Self.recordsOfARead, head - position)), bytes: Self.bytesOfARead)
            let records = try attempt { try source.readLog(after: position, limit: limit) }
            guard !records.isEmpty else { throw VerificationFailure(position: position + 1, "it is missing") }
            for record in records {
                try chain.take(record)
                try check(pinned, chain)
                try attempt { try keys.pass(chain) }
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
        if head == end {
            try attempt { try index.finish() }
            try attempt { try keys.finish(at: head) }
            try snapshots?.finish()
        } else {
            snapshots?.leaveOutRest()
        }
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

    private func snapshots(of fingerprint: Digest256) throws -> [Snapshot] {
        var snapshots: [Snapshot] = []
        try source.forEachSnapshot(byPagesOf: Self.snapshotsOfARead) { page in
            snapshots += page.filter { $0.fingerprint == fingerprint }
        }
        return snapshots
    }

    /// What the store's own checks find is a failure of the log, not of the program.
    private func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as any StoreFailure where error.isDamage {
            throw VerificationFailure(error.description)
        }
    }
}

extension LogSource {
    /// Shows all snapshots, some at a time.
    func forEachSnapshot(byPagesOf count: Int, _ body: ([Snapshot]) throws -> Void) throws {
        var last: Snapshot?
        while true {
            let page = try snapshots(after: last, limit: count)
            guard let end = page.last else { return }
            try body(page)
            last = end
        }
    }
}

extension PinnedHead {
    /// The head of a log as it is now.
    public init(of source: any LogSource) throws {
        let head = try source.head()
        self.init(position: head.position, hash: head.hash)
    }
}
