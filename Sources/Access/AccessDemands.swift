/// What callers must prove themselves by, as the settings say.
public struct AccessDemands: Hashable, Sendable {
    /// Which JSON Web Tokens are accepted.
    public struct WebTokens: Hashable, Sendable {
        /// The path of the issuer's JWK Set.
        public var keys: String
        /// What `iss` must be.
        public var issuer: String
        /// What `aud` must be or contain.
        public var audience: String

        /// The tokens that an issuer makes for an audience.
        public init(keys: String, issuer: String, audience: String) {
            self.keys = keys
            self.issuer = issuer
            self.audience = audience
        }
    }

    /// The path of the file of tokens; nil: there is none.
    public var tokens: String?
    /// Which JSON Web Tokens are accepted; nil: none.
    public var webTokens: WebTokens?
    /// Whether connections must prove a certificate, which is enough if no tokens are demanded.
    public var certificates: Bool

    /// Demands from their parts.
    public init(tokens: String? = nil, webTokens: WebTokens? = nil, certificates: Bool = false) {
        self.tokens = tokens
        self.webTokens = webTokens
        self.certificates = certificates
    }

    /// Whether nothing is demanded.
    public var isNone: Bool { tokens == nil && webTokens == nil && !certificates }
}
