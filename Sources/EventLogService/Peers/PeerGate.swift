internal import EventLogProtocol
internal import ZeroMQ

/// Decides about each message that a socket of the log receives, by the peers that are in force at that moment.
///
/// Not Sendable: it belongs to the server whose socket it is.
final class PeerGate {
    /// What a sender may do.
    enum Verdict: Hashable, Sendable {
        /// What its role says; without one, everything.
        case admitted(PeerRole?)
        /// Nothing, and its connection is to be ended.
        case refused(LogRefusal, ConnectionGuard.Reason)
    }

    private let socket: LogSocket
    /// nil: whoever can reach the socket may do everything.
    private let peers: PeerDirectory?
    private let strangers: StrangerWatch
    private var connections = PeerConnections(maxOfPeer: PeerLimits.maxConnectionsOfPeer)

    init(_ socket: LogSocket, _ peers: PeerDirectory?, _ strangers: StrangerWatch) {
        self.socket = socket
        self.peers = peers
        self.strangers = strangers
    }

    func verdict(on message: borrowing Frames, of received: Socket) -> Verdict {
        guard let peers else { return .admitted(nil) }
        let key = message.senderKey
        let peer = key.flatMap { peers.table[$0] }
        var verdict = Self.verdict(on: peer, at: socket)
        if case .admitted = verdict, let key {
            let connection = received.connection(message.connection)
            if !connections.admit(connection, of: key, isOpen: { received.isOpen($0) }) {
                verdict = .refused(
                    LogRefusal(.overloaded, "this peer has too many connections"), .tooManyOfPeer)
            }
        }
        if case .refused(let refusal, _) = verdict { strangers.refused(key, peer, reason: refusal.reason) }
        return verdict
    }

    static func verdict(on peer: LogPeer?, at socket: LogSocket) -> Verdict {
        guard let peer else {
            return .refused(LogRefusal(.forbidden, "this peer's key was revoked"), .notAdmitted)
        }
        guard peer.role.mayUse(socket) else {
            return .refused(
                LogRefusal(.forbidden, "the role \(peer.role.rawValue) does not reach the \(socket.rawValue) socket"),
                .notAdmitted)
        }
        return .admitted(peer.role)
    }
}
