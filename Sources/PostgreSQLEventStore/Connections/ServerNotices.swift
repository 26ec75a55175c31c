internal import CPostgreSQL

/// Collects the warnings that the server sends beside its answers: libpq would print them to standard error.
final class ServerNotices {
    /// The newest of them, at most.
    private static let maxCount = 16

    /// The warnings since ``clear()``.
    private(set) var warnings: [ServerMessage] = []

    /// Has libpq give a connection's notices to this object, which must exist as long as the connection.
    func receive(from connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context else { return }
                Unmanaged<ServerNotices>.fromOpaque(context).takeUnretainedValue().add(ServerMessage(result))
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Has libpq give the notices of a connection that is being made to nobody: no commit depends on them.
    static func ignore(from connection: OpaquePointer) {
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
    }

    /// Forgets what came so far.
    func clear() { warnings = [] }

    private func add(_ message: ServerMessage) {
        if message.isWarning, warnings.count < Self.maxCount { warnings.append(message) }
    }
}
