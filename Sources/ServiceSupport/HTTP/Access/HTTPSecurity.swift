public import Access

/// What protects an HTTP server from those who reach it.
///
/// Without anything it is open to everybody, as on loopback.
public struct HTTPSecurity: Sendable {
    /// Who may ask for what.
    public var access = AccessControl.open
    /// How much each client may ask; nil: any amount.
    public var rates: RequestRates?
    /// The pages of other origins that may use it.
    public var origins = AllowedOrigins()
    /// What it speaks TLS with; nil: it does not.
    public var tls: ReloadedTLS?
    /// What a gateway that forwards queries proves itself by: these are counted there already.
    public var gatewayProof: GatewayProof?
    /// Whether `Daybook-Accounts` narrows what a request shows.
    public var narrowsByAccounts = false
    /// What is told of requests that were not admitted.
    public var audit: AccessAudit
    /// What its operator should know, for `/readyz`.
    public var warnings: @Sendable () -> [String] = { [] }

    /// No protection.
    public init(audit: AccessAudit = AccessAudit(AccessControl.open.audit)) { self.audit = audit }

    /// Whether there is nothing to decide for a request.
    var isOpen: Bool { access.isOpen && rates == nil && !narrowsByAccounts }
}
