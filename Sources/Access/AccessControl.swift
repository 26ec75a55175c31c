/// Decides who a request comes from, and whether that still holds later: the one place that knows credentials.
///
/// What it knows of tokens and keys can change at any time; every question is answered by what is in force then.
public final class AccessControl: Sendable {
    /// What a request shows of who sends it.
    public struct Presented: Hashable, Sendable {
        /// The values of all its `Authorization` fields.
        public var authorization: [String]
        /// The common name of the certificate that the connection's other side proved; nil: none.
        public var certificate: String?

        /// What is shown.
        public init(authorization: [String] = [], certificate: String? = nil) {
            self.authorization = authorization
            self.certificate = certificate
        }
    }

    /// Who a request comes from.
    public enum Identity: Sendable {
        /// Somebody, or a stranger who showed nothing.
        case caller(Caller)
        /// What was shown proves nothing: the reason, for a log, without a secret in it.
        case refused(reason: String)
        /// A signature has to be verified first: ask ``AccessControl/identity(verifying:)``.
        case unverified(UnverifiedToken)
    }

    /// A JSON Web Token whose signature is not verified yet.
    public struct UnverifiedToken: Sendable {
        let text: String
    }

    /// Nothing is asked for: everybody may do everything.
    public static let open = AccessControl()

    private init() {}

    /// Whether anything is asked for.
    public var isOpen: Bool { true }

    /// Who a request comes from, without waiting.
    public func identity(presenting presented: Presented) -> Identity { .caller(.unrestricted) }

    /// Who a request comes from that showed a token whose signature was not verified before.
    public func identity(verifying token: UnverifiedToken) async -> Identity { .caller(.unrestricted) }

    /// Whether what a caller proved itself by still holds.
    public func stillHolds(_ caller: Caller) -> Bool { true }
}
