/// Why statements did not run to their end.
enum ConnectionFailure: Error, CustomStringConvertible {
    /// The connection ended, or was closed since no answer came in time: what was under way may be done or not.
    case lost(String)
    /// The server refused a statement, and skipped those after it.
    case refused(ServerMessage, statement: Int)
    /// The server answered in a form that was not asked for.
    case unexpected(String)

    /// One clause.
    var description: String {
        switch self {
        case .lost(let reason): reason
        case .refused(let message, _): message.description
        case .unexpected(let what): "the server's answer cannot be read: \(what)"
        }
    }
}
