/// What libzmq asks about a peer that shakes hands (ZAP 1.0, ZeroMQ RFC 27), and how it is answered.
struct HandshakeRequest: Hashable, Sendable {
    /// Whom libzmq's question came from, and the question's number: both go back with the answer.
    let envelope: [[UInt8]]
    /// The domain of the socket that the peer connected to.
    let domain: String
    /// The peer's IP address, or process id, user and group for ipc.
    let address: String
    /// The mechanism of security: NULL, PLAIN, CURVE.
    let mechanism: String
    /// What the mechanism proves the peer by; none for NULL.
    let credentials: [[UInt8]]

    private static let version = Array("1.0".utf8)

    /// Reads the frames that a router receives: its address of the asker, an empty frame, version, number, domain,
    /// address, routing id, mechanism, credentials. Nil if they are anything else.
    init?(_ frames: [[UInt8]]) {
        guard frames.count >= 8, frames[1].isEmpty, frames[2] == Self.version else { return nil }
        envelope = [frames[0], [], Self.version, frames[3]]
        domain = String(decoding: frames[4], as: UTF8.self)
        address = String(decoding: frames[5], as: UTF8.self)
        mechanism = String(decoding: frames[7], as: UTF8.self)
        credentials = Array(frames[8...])
    }

    /// The key that the peer proved to hold; nil with another mechanism than CURVE.
    var key: CurvePublicKey? {
        guard mechanism == "CURVE", credentials.count == 1 else { return nil }
        return CurvePublicKey(bytes: credentials[0])
    }

    /// The frames of the answer: envelope, status, text, user, metadata.
    func answer(_ verdict: Admission.Verdict) -> [[UInt8]] {
        switch verdict {
        case .admitted(let user): envelope + [Array("200".utf8), Array("OK".utf8), Array(user.utf8), []]
        case .refused: envelope + [Array("400".utf8), Array("not admitted".utf8), [], []]
        case .busy: envelope + [Array("300".utf8), Array("too many handshakes".utf8), [], []]
        }
    }
}
