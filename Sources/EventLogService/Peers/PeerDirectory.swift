public import Logging
internal import SecureFiles
internal import Synchronization

/// The peers of the log as its file names them now. It may be asked from any thread.
///
/// A file that changed and cannot be read, or is not right, keeps the peers in force that it named before.
public final class PeerDirectory: Sendable {
    /// What changed when the file was read again, by names.
    public struct Change: Hashable, Sendable {
        /// Peers that are new.
        public var allowed: [String] = []
        /// Peers that are none any more.
        public var revoked: [String] = []
        /// Peers with another role or key.
        public var altered: [String] = []
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
    private let report: @Sendable (Change) -> Void
    private let state: Mutex<State>

    /// Reads the peers.
    ///
    /// - Parameters:
    ///   - path: the file that names them (``PeerTable``).
    ///   - report: called when the peers have changed.
    /// - Throws: ``PeersFileError`` if it cannot be read, or is not right.
    public init(
        path: String, logger: Logger, report: @escaping @Sendable (Change) -> Void = { _ in }
    ) throws(PeersFileError) {
        file = PeersFile(path: path)
        self.logger = logger
        self.report = report
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
        let isAsBefore = state.withLock { $0.stamp == stamp }
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
        report(change)
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
