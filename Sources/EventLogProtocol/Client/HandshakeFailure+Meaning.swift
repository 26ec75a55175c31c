internal import ZeroMQ

extension HandshakeFailure {
    /// So many handshakes that end without a word are no accident.
    private static let fewFailures = 3

    /// What a failed handshake with the log means for a peer: one sentence; nil if nothing is known but that the connection
    /// ended.
    ///
    /// - Parameter failures: how many have failed since one did not, this one included.
    func meaning(for security: SocketSecurity, at endpoint: String, failures: Int) -> String? {
        switch (self, security) {
        case (.refused, .none):
            "the log at \(endpoint) refuses this peer"
        case (.refused, _):
            "the log at \(endpoint) refuses this peer's key: it is not in EVENT_LOG_PEERS, or its role does not reach there"
        case (.otherMechanism, .none):
            "the log at \(endpoint) demands CURVE: set EVENT_LOG_PUBLIC_KEY and PEER_SECRET_KEY"
        case (.otherMechanism, _):
            "whoever answers at \(endpoint) does not speak CURVE, so it is not the log that EVENT_LOG_PUBLIC_KEY names"
        case (.notUnderstood, .none):
            "whoever answers at \(endpoint) is no event log"
        case (.notUnderstood, _), (.ended, .curveClient), (.ended, .curveServer):
            "the handshake with \(endpoint) failed: the log there has another public key than EVENT_LOG_PUBLIC_KEY, or is busy"
        case (.ended, .none):
            // A log that demands keys ends the connection at once; whether it tells its mechanism before is chance.
            failures < Self.fewFailures
                ? nil
                : "the log at \(endpoint) ends each handshake: if it demands CURVE, set EVENT_LOG_PUBLIC_KEY and "
                    + "PEER_SECRET_KEY"
        }
    }
}
