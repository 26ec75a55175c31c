internal import JSON

/// What a JSON Web Token says of its signature (RFC 7515, section 4): only which of the known keys it names.
struct WebTokenHeader: Sendable {
    /// Its `alg`.
    let algorithm: WebKey.Algorithm
    /// Its `kid`; nil: it names no key.
    let keyID: String?

    /// Members by which a token brings or names a key of its own. None is ever followed.
    private static let foreignKeys: Set<String> = ["jku", "jwk", "x5u", "x5c"]

    /// What may stand in `typ` (RFC 8725, section 3.11; RFC 9068, section 2.1), in small letters.
    private static let types: Set<String> = ["jwt", "application/jwt", "at+jwt", "application/at+jwt"]

    /// Reads a header.
    ///
    /// - Throws: ``AccessError`` with the reason to refuse the token.
    init(_ bytes: [UInt8]) throws(AccessError) {
        var algorithm: String?
        var keyID: String?
        var type: String?
        var forbidden: String?
        var reader = JSONReader(bytes, maximumDepth: 16)
        do throws(JSONError) {
            try reader.readObject { name, reader throws(JSONError) in
                switch name {
                case "alg": algorithm = try reader.readString()
                case "kid": keyID = try reader.readString()
                case "typ": type = try reader.readString()
                default:
                    if name == "crit" || name == "b64" || Self.foreignKeys.contains(name) { forbidden = name }
                    _ = try reader.readValue()
                }
            }
            try reader.finish()
        } catch {
            throw AccessError("the token's header is not readable")
        }
        if let forbidden { throw AccessError("the token's header has \(forbidden), which is not accepted") }
        guard let algorithm, let accepted = WebKey.Algorithm(rawValue: algorithm) else {
            throw AccessError("the token's alg is not one of RS256, ES256 and EdDSA")
        }
        if let type, !Self.types.contains(type.lowercased()) {
            throw AccessError("the token's typ is not JWT")
        }
        self.algorithm = accepted
        self.keyID = keyID
    }
}
