/// A peer that shook hands and was not let in.
public struct RefusedPeer: Hashable, Sendable {
    /// The domain of the socket that it connected to.
    public let domain: String
    /// Its IP address, as the system tells it; for ipc, its process, user and group.
    public let address: String
    /// The key that it proved to hold; nil if it has none.
    public let key: CurvePublicKey?
}
