internal import EventLogProtocol
internal import ZeroMQ

/// Decides about each message that a socket of the log receives, by the peers that are in force at that moment.
struct PeerGate: Sendable {
    /// What a sender may do.
    enum Verdict: Hashable, Sendable {
        /// What its role says; without one, everything.
        case admitted(PeerRole?)
        /// Nothing.
        case refused(LogRefusal)
    }

    let socket: LogSocket
    /// nil: whoever can reach the socket may do everything.
    let peers: PeerDirectory?
    let strangers: StrangerWatch

    func verdict(on message: borrowing Frames) -> Verdict {
        guard let peers else { return .admitted(nil) }
        let key = message.senderKey
        let peer = key.flatMap { peers.table[$0] }
        let verdict = Self.verdict(on: peer, at: socket)
        if case .refused(let refusal) = verdict { strangers.refused(key, peer, reason: refusal.reason) }
        return verdict
    }

    static func verdict(on peer: LogPeer?, at socket: LogSocket) -> Verdict {
        guard let peer else { return .refused(LogRefusal(.forbidden, "this peer's key was revoked")) }
        guard peer.role.mayUse(socket) else {
            return .refused(
                LogRefusal(.forbidden, "the role \(peer.role.rawValue) does not reach the \(socket.rawValue) socket"))
        }
        return .admitted(peer.role)
    }
}
