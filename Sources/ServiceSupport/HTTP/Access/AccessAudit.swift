public import Access
internal import NIOCore

/// What is told of requests that were not admitted, and of certificates: counted, and written to the audit log.
public final class AccessAudit: Sendable {
    private let log: AuditLog

    /// An audit that writes to a log.
    public init(_ log: AuditLog) { self.log = log }

    /// What a request showed proves nothing.
    ///
    /// - Parameter reason: without a secret in it.
    func authenticationFailed(_ reason: String, _ asked: RequestAccess.Asked) {
        log.record(record(.authenticationFailed, asked, reason: reason))
    }

    /// A client proved a certificate that names nobody.
    func certificateRefused(from client: SocketAddress?) {
        log.record(
            AuditRecord(
                .authenticationFailed, address: client?.ipAddress,
                reason: "the certificate's subject has no common name, or several, or one that cannot be an actor"))
    }

    /// A client did not prove a certificate that its connection needs.
    func certificateMissing(from client: SocketAddress?) {
        log.record(
            AuditRecord(
                .authenticationFailed, address: client?.ipAddress,
                reason: "the handshake of TLS failed: no certificate that HTTP_TLS_CLIENT_CA signed"))
    }

    /// Somebody, or a stranger, asked for what it may not.
    func denied(_ caller: Caller, _ permission: Permission, _ asked: RequestAccess.Asked) {
        if caller.standing == .stranger { return authenticationFailed("no credentials were shown", asked) }
        let needed = permission.leastRole.map { "this needs the role \($0.rawValue)" }
        log.record(record(.denied, asked, actor: caller.actor, reason: needed))
    }

    /// Somebody asked too much.
    func rateLimited(_ caller: Caller, _ asked: RequestAccess.Asked) {
        log.record(record(.rateLimited, asked, actor: caller.actor))
    }

    /// Another certificate is in force, or cannot be used for a reason.
    func certificateChanged(_ path: String, _ error: TLSError?) {
        if let error {
            log.record(AuditRecord(.changeRefused, reason: "\(error)"))
        } else {
            log.record(AuditRecord(.certificateChanged, names: [path]))
        }
    }

    private func record(
        _ event: AuditRecord.Event, _ asked: RequestAccess.Asked, actor: String? = nil, reason: String? = nil
    ) -> AuditRecord {
        AuditRecord(
            event, actor: actor, address: asked.client?.ipAddress, method: asked.method, path: asked.path,
            reason: reason)
    }

    var figures: [Figure] {
        log.counts.map { event, count in
            Figure(
                .counter, "audit_events", count, label: ("event", event),
                help: "What an auditor wants to see: the lines of the audit log, and those left out of it.")
        } + [
            Figure(
                .counter, "audit_lines_suppressed", log.suppressedLines,
                help: "Lines left out of the audit log, since there were too many at once."),
            Figure(
                .counter, "audit_lines_lost", log.lostLines, help: "Lines of the audit log that could not be written."),
        ]
    }
}
