internal import EventSourcing

/// A JSON Web Token that says what is right, before its signature is verified.
struct UnverifiedWebToken: Sendable {
    /// SHA-256 of its text.
    let digest: Digest256
    let claims: WebTokenClaims
    let key: WebKey
    private let signed: [UInt8]
    private let signature: [UInt8]

    /// Reads a token: header, claims and signature in base64url, joined by dots (RFC 7515, section 3.1).
    ///
    /// - Parameter now: seconds since 1970.
    /// - Throws: ``AccessError`` with the reason to refuse it.
    init(
        _ text: String, digest: Digest256, keys: WebKeySet, issuer: String, audience: String, now: Int64
    ) throws(AccessError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.decoded(parts[0]),
            let claimBytes = Base64URL.decoded(parts[1]), let signature = Base64URL.decoded(parts[2])
        else { throw AccessError("the token is no JSON Web Token") }
        let header = try WebTokenHeader(headerBytes)
        guard let key = keys.key(of: header) else {
            throw AccessError(
                header.keyID == nil
                    ? "the token names no key (kid), and not just one could be meant"
                    : "the token's key (kid) is not known for its alg")
        }
        guard !signature.isEmpty else { throw AccessError("the token has no signature") }
        claims = try WebTokenClaims(claimBytes, issuer: issuer, audience: audience)
        if let refusal = claims.refusal(at: now) { throw AccessError(refusal) }
        self.digest = digest
        self.key = key
        self.signature = signature
        signed = Array(text.utf8[..<parts[1].endIndex])
    }

    /// Verifies the signature: some 50 to 200 µs of work.
    var isSigned: Bool { key.verifies(signature, of: signed) }

    /// Who shows it, once its signature is verified.
    var caller: Caller {
        Caller(
            actor: claims.actor, standing: .role(claims.role), reach: claims.reach,
            credential: .webToken(key: "\(key.thumbprint)", expires: claims.expires))
    }
}
