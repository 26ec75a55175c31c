public import Access
public import Logging
internal import SecureFiles
internal import Synchronization

/// The peers of the log as its file names them now. It may be asked from any thread.
///
/// A file that changed and cannot be read, or is not right, keeps the peers in force that it named before.
public final class PeerDirectory: Sendable {
    /// What changed when the file was read again, by names.
    struct Change: Hashable, Sendable {
        /// Peers that are new.
        var allowed: [String] = []
        /// Peers that are none any more.
        var revoked: [String] = []
        /// Peers with another role or key.
        var altered: [String] = []

        /// How many of each there are.
        var summary: String { "\(allowed.count) allowed, \(revoked.count) revoked, \(altered.count) altered" }
    }

    private struct State {
        var table: PeerTable
        var stamp: FileStamp?
        var problem: String?
        /// Grows with each change of the table.
        var generation: UInt64 = 0
    }

    private let file: PeersFile
    private let logger: Logger
    private let audit: AuditLog?
    private let state: Mutex<State>

    /// Reads the peers.
    ///
    /// - Parameters:
    ///   - path: the file that names them (``PeerTable``).
    ///   - audit: where changes are recorded.
    /// - Throws: ``PeersFileError`` if it cannot be read, or is not right.
    public init(
        path: String, audit: AuditLog? = nil, logger: Logger
    ) throws(PeersFileError) {
        file = PeersFile(path: path)
        self.logger = logger
        self.audit = audit
        let (table, stamp) = try file.read()
        state = Mutex(State(table: table, stamp: stamp))
    }

    /// The peers in force.
    public var table: PeerTable { state.withLock { $0.table } }

    /// Why the file as it is now is not in force; nil if it is.
    public var problem: String? { state.withLock { $0.problem } }

    /// The peers in force, and a number that is another one whenever they have changed.
    var current: (table: PeerTable, generation: UInt64) { state.withLock { ($0.table, $0.generation) } }

    /// Reads the file again if it has changed. Not to be called again before it has returned.
    ///
    /// - Parameter isForced: whether it is read even if it seems to be as it was.
    /// - Returns: whether other peers are in force.
    @discardableResult
    public func look(isForced: Bool = false) -> Bool {
        let stamp = file.stamp
        // What kept it from being read may be gone although the file is the same.
        let isAsBefore = state.withLock { $0.stamp == stamp && $0.problem == nil }
        guard isForced || !isAsBefore else { return false }
        do throws(PeersFileError) {
            let (table, stamp) = try file.read()
            return take(table, stamp)
        } catch {
            let isNew = state.withLock { state in
                defer { (state.stamp, state.problem) = (stamp, error.description) }
                return state.problem != error.description
            }
            if isNew {
                logger.warning(
                    "the peers stay as they were: their file cannot be taken", metadata: ["reason": "\(error)"])
                audit?.record(AuditRecord(.changeRefused, reason: "EVENT_LOG_PEERS: \(error)"))
            }
            return false
        }
    }

    private func take(_ table: PeerTable, _ stamp: FileStamp) -> Bool {
        let before = state.withLock { state in
            let before = state.table
            (state.table, state.stamp, state.problem) = (table, stamp, nil)
            if before != table { state.generation += 1 }
            return before
        }
        guard before != table else { return false }
        let change = Self.change(from: before, to: table)
        logger.notice(
            "the peers have changed",
            metadata: [
                "allowed": "\(change.allowed.joined(separator: ", "))",
                "revoked": "\(change.revoked.joined(separator: ", "))",
                "altered": "\(change.altered.joined(separator: ", "))",
            ])
        audit?.record(
            AuditRecord(.peersChanged, reason: change.summary, names: change.allowed + change.revoked + change.altered))
        return true
    }

    static func change(from before: PeerTable, to after: PeerTable) -> Change {
        var change = Change()
        for peer in after.peers {
            guard let old = before[name: peer.name] else {
                change.allowed.append(peer.name)
                continue
            }
            if old != peer { change.altered.append(peer.name) }
        }
        change.revoked = before.peers.map(\.name).filter { after[name: $0] == nil }
        return change
    }
}
