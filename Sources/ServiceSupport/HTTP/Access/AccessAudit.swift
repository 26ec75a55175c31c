internal import Access
public import Logging
internal import NIOCore
internal import Synchronization

/// What is told of requests that were not admitted: counted, and written to the audit log.
public final class AccessAudit: Sendable {
    private let failures = Atomic<UInt64>(0)
    private let denials = Atomic<UInt64>(0)
    private let limited = Atomic<UInt64>(0)
    private let logger: Logger

    /// An audit that writes to a log.
    public init(logger: Logger) { self.logger = logger }

    /// What a request showed proves nothing.
    ///
    /// - Parameter reason: without a secret in it.
    func authenticationFailed(_ reason: String, from client: SocketAddress?, at path: String) {
        failures.add(1, ordering: .relaxed)
    }

    /// Somebody, or a stranger, asked for what it may not.
    func denied(_ caller: Caller, _ permission: Permission, from client: SocketAddress?, at path: String) {
        denials.add(1, ordering: .relaxed)
    }

    /// Somebody asked too much.
    func rateLimited(_ actor: String?, from client: SocketAddress?) { limited.add(1, ordering: .relaxed) }

    /// Other certificates are in force, or the new ones cannot be used.
    func certificateChanged(_ what: String) {}

    var figures: [Figure] {
        [
            Figure(
                .counter, "http_authentication_failures", failures.load(ordering: .relaxed),
                help: "Requests whose credentials were not accepted."),
            Figure(
                .counter, "http_denied", denials.load(ordering: .relaxed),
                help: "Requests of clients who did not have the permission."),
            Figure(
                .counter, "http_rate_limited", limited.load(ordering: .relaxed),
                help: "Requests refused since their client sent too many."),
        ]
    }
}
