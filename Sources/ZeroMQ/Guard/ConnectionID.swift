/// One connection of a guarded socket. Its descriptor alone would not do: a later connection may be given it again.
///
/// The system tells the two apart, not the guard: the guard learns of a connection on its own thread, maybe after messages
/// that came over it were taken.
public struct ConnectionID: Hashable, Sendable {
    /// The descriptor that libzmq has the connection under.
    public let descriptor: Int32
    /// What the system calls the connection; 0 if it had ended already.
    let cookie: UInt64

    /// A connection from its parts.
    package init(descriptor: Int32, cookie: UInt64) {
        self.descriptor = descriptor
        self.cookie = cookie
    }

    /// The connection that has a descriptor at present.
    init(_ descriptor: Int32) {
        self.init(descriptor: descriptor, cookie: SystemConnection(descriptor)?.id.cookie ?? 0)
    }

    /// Whether it has not ended. A connection within the process has no descriptor, and none is known to have ended.
    var isOpen: Bool { descriptor < 0 || cookie != 0 && self == ConnectionID(descriptor) }
}
