internal import JSON

/// A member of the `keys` of a JWK Set, before it is known whether it can be used.
struct WebKeyCandidate: Sendable {
    private let texts: [String: String]
    private let operations: [String]?

    /// Its `kid`.
    var id: String? { texts["kid"] }

    /// The members that mean something here; others are passed over (RFC 7517, section 4).
    private static let known: Set<String> = ["kty", "kid", "alg", "use", "crv", "n", "e", "x", "y", "d", "k"]

    /// Reads a JWK.
    init(from reader: inout JSONReader) throws(JSONError) {
        var texts: [String: String] = [:]
        var operations: [String]?
        try reader.readObject { name, reader throws(JSONError) in
            if Self.known.contains(name) {
                texts[name] = try reader.readString()
            } else if name == "key_ops" {
                var found: [String] = []
                try reader.readArray { reader throws(JSONError) in found.append(try reader.readString()) }
                operations = found
            } else {
                _ = try reader.readValue()
            }
        }
        self.texts = texts
        self.operations = operations
    }

    /// What makes up the key; nil if it is for something else than the signatures that are accepted.
    ///
    /// - Throws: ``AccessError`` if it must not stand in such a file, or lacks a part.
    func material() throws(AccessError) -> WebKeyMaterial? {
        guard let type = texts["kty"] else { throw AccessError("it has no kty") }
        guard type != "oct", texts["k"] == nil else {
            throw AccessError("a shared secret (kty oct) is no public key, and HS256 is never accepted")
        }
        guard texts["d"] == nil else {
            throw AccessError("it is a private key: give the public part alone, and make a new key")
        }
        if let use = texts["use"], use != "sig" { return nil }
        if let operations, !operations.contains("verify") { return nil }
        let algorithm = texts["alg"]
        switch type {
        case "RSA":
            guard algorithm == nil || algorithm == WebKey.Algorithm.rs256.rawValue else { return nil }
            return .rsa(modulus: try text("n"), exponent: try text("e"))
        case "EC":
            guard algorithm == nil || algorithm == WebKey.Algorithm.es256.rawValue, texts["crv"] == "P-256" else {
                return nil
            }
            return .ec(x: try text("x"), y: try text("y"))
        case "OKP":
            // RFC 9864 calls EdDSA with this curve Ed25519.
            guard algorithm == nil || algorithm == WebKey.Algorithm.edDSA.rawValue || algorithm == "Ed25519",
                texts["crv"] == "Ed25519"
            else { return nil }
            return .okp(x: try text("x"))
        default: return nil
        }
    }

    /// A part of the key, which must be there and be base64url.
    private func text(_ name: String) throws(AccessError) -> String {
        guard let text = texts[name], let bytes = Base64URL.decoded(text.utf8), !bytes.isEmpty else {
            throw AccessError("its \(name) is missing or no base64url")
        }
        return text
    }
}
