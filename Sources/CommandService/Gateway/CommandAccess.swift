internal import Access
internal import EventSourcing
internal import HTTPTypes
internal import ServiceSupport

/// Which commands the sender of a request may send, and to what: asked of each before it becomes an order. What is denied
/// is told to the audit log.
struct CommandAccess<Domain: CommandDomain>: Sendable {
    let domain: Domain
    let audit: AuditLog?
    let caller: Caller
    /// The caller, as orders name it.
    let sender: CommandSender?
    /// Where the request came from.
    let client: ClientPresence?
    private let path: String

    init(_ domain: Domain, _ caller: Caller, at path: String, audit: AuditLog?) {
        self.domain = domain
        self.audit = audit
        self.caller = caller
        self.path = path
        sender = .of(caller)
        client = ClientPresence.current
    }

    /// Whether the sender sees an aggregate; for whoever does not, it does not exist.
    ///
    /// - Parameter line: the number of the line, if it is one of many commands.
    func sees(_ stream: StreamID, line: Int? = nil) -> Bool {
        if sender.sees(stream) { return true }
        record("\(stream.name) is beyond its reach", line)
        return false
    }

    /// Asks whether a command may be sent to an aggregate that the sender sees: what it needs is known only now.
    ///
    /// - Throws: ``Problem`` 403, with the role that would be needed.
    func requirePermission(for command: Domain.State.Command, to stream: StreamID, line: Int? = nil) throws(Problem) {
        let permission = domain.permission(for: command)
        let role: Role
        switch caller.decision(for: permission) {
        case .allowed: return
        case .forbidden(let needed): role = needed
        // A stranger does not come so far.
        case .unauthenticated: throw .unauthenticated
        }
        record("this needs the role \(role.rawValue)", line)
        throw .forbidden(needed: role)
    }

    private func record(_ reason: String, _ line: Int?) {
        let place = line.map { "line \($0): " } ?? ""
        audit?.record(
            AuditRecord(
                .denied, actor: caller.actor, address: client?.address, method: HTTPRequest.Method.post.rawValue,
                path: path, reason: place + reason))
    }
}
