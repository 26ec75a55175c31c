internal import Access
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Who may ask a server for what: decided for each request by its head, before anything else is read or done.
struct RequestAccess: Sendable {
    /// What becomes of a request.
    enum Outcome {
        /// It goes on.
        case admitted(Caller)
        /// It is answered with this.
        case refused(Problem)
        /// Who sends it is not known before a signature is verified.
        case unverified(AccessControl.UnverifiedToken)
    }

    /// What of a request decides.
    struct Asked: Sendable {
        let method: String
        let path: String
        /// What the path and method need; nil if there is no such path, or method of it: that is said to everybody.
        let permission: Permission?
        let accounts: [String]
        let gatewayProofs: [String]
        let client: SocketAddress?
        let address: ClientAddress
    }

    let security: HTTPSecurity
    let callers: AdmittedCallers
    private let table: RouteTable

    init(_ security: HTTPSecurity, _ table: RouteTable, _ callers: AdmittedCallers) {
        self.security = security
        self.table = table
        self.callers = callers
    }

    /// Whether there is anything to decide about a request: on loopback nothing is, mostly.
    func concerns(_ head: HTTPRequestHead) -> Bool {
        !security.access.isOpen || security.rates != nil
            || (security.narrowsByAccounts && head.headers.contains(name: "daybook-accounts"))
    }

    /// What of a request decides.
    func asked(_ head: HTTPRequestHead, from client: SocketAddress?) -> Asked {
        // As the routes see it.
        let path = URI(head.uri).path
        let method = HTTPRequest.Method(head.method.rawValue)
        return Asked(
            method: head.method.rawValue, path: path, permission: method.flatMap { table.permission(for: $0, path) },
            accounts: security.narrowsByAccounts ? head.headers["daybook-accounts"] : [],
            gatewayProofs: security.gatewayProof == nil ? [] : head.headers["daybook-gateway"], client: client,
            address: ClientAddress(client))
    }

    /// Decides about a request, as far as that takes no time.
    ///
    /// - Parameter certificate: the common name of the certificate that the client proved; nil: none.
    func decide(_ asked: Asked, _ head: HTTPRequestHead, certificate: String?) -> Outcome {
        if asked.path == "/livez" { return .admitted(.stranger) }
        let presented = AccessControl.Presented(
            authorization: head.headers["authorization"], certificate: certificate)
        return decide(asked, security.access.identity(presenting: presented))
    }

    /// Decides about a request whose sender is known, or is not.
    func decide(_ asked: Asked, _ identity: AccessControl.Identity) -> Outcome {
        do throws(Problem) {
            switch identity {
            case .caller(let caller):
                try limit(asked, caller)
                return .admitted(try admit(caller, asked))
            case .refused(let reason):
                security.audit.authenticationFailed(reason, asked)
                try limit(asked, .stranger)
                // Whoever may ask without a token may do so with a wrong one: a health check goes on when its token ends.
                guard asked.permission == .everybody else { throw .invalidToken }
                return .admitted(.stranger)
            case .unverified(let token):
                // Verifying costs more than all else of a request, and who it is will only be known then: it is limited even if
                // the request itself is not.
                if Self.unlimited.contains(asked.path), !isFromGateway(asked) {
                    let isTooMuch = security.rates?.take(from: .address(asked.address)) != nil
                    return isTooMuch ? .admitted(.stranger) : .unverified(token)
                }
                try limit(asked, .stranger)
                return .unverified(token)
            case .overloaded: throw .verificationOverloaded
            }
        } catch {
            return .refused(error)
        }
    }

    private func admit(_ caller: Caller, _ asked: Asked) throws(Problem) -> Caller {
        if let permission = asked.permission {
            do throws(Problem) {
                try caller.require(permission)
            } catch {
                security.audit.denied(caller, permission, asked)
                throw error
            }
        }
        guard !asked.accounts.isEmpty else { return caller }
        let name = HTTPField.Name.daybookAccounts.rawName
        guard asked.accounts.count == 1, let reach = Reach(asked.accounts[0]) else {
            throw .invalidParameter(
                name, asked.accounts.joined(separator: ", "), expected: "one account's id, or a prefix and *")
        }
        return caller.narrowed(to: reach)
    }

    // MARK: the rate limit

    /// What asks whether a service is there is never too much.
    private static let unlimited: Set = ["/livez", "/readyz"]

    private func limit(_ asked: Asked, _ caller: Caller) throws(Problem) {
        guard let rates = security.rates, !Self.unlimited.contains(asked.path), !isFromGateway(asked) else { return }
        guard let seconds = rates.take(from: .init(caller, at: asked.address)) else { return }
        security.audit.rateLimited(caller, asked)
        throw .rateLimited(retryAfter: seconds)
    }

    private func isFromGateway(_ asked: Asked) -> Bool {
        guard let proof = security.gatewayProof, asked.gatewayProofs.count == 1 else { return false }
        return proof.isValid(asked.gatewayProofs[0])
    }
}
