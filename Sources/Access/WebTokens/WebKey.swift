internal import EventSourcing
internal import FoundationEssentials
internal import JSON
internal import JWTKit

/// A public key that JSON Web Tokens are signed with (RFC 7517). What it is decides the one algorithm that it verifies,
/// whatever a token says of itself.
struct WebKey: Sendable {
    /// The algorithms that are accepted.
    enum Algorithm: String, Hashable, Sendable {
        /// RSASSA-PKCS1-v1_5 with SHA-256, of a key of kty RSA.
        case rs256 = "RS256"
        /// ECDSA over P-256 with SHA-256, of a key of kty EC.
        case es256 = "ES256"
        /// Ed25519, of a key of kty OKP.
        case edDSA = "EdDSA"
    }

    /// The least bits of an RSA key.
    static let minRSABits = 2048
    /// The most bits of an RSA key: larger ones make each verification slow.
    static let maxRSABits = 8192

    /// Its `kid`; nil: it has none.
    let id: String?
    /// What it verifies.
    let algorithm: Algorithm
    /// Which key it is, whatever its `kid`: its thumbprint (RFC 7638).
    let thumbprint: Digest256
    private let verifier: any JWTAlgorithm

    /// A key from the members of a JWK that are its value.
    ///
    /// - Throws: ``AccessError`` for values that are no public key, and for RSA keys that are too short or too long.
    init(_ material: WebKeyMaterial, id: String?) async throws(AccessError) {
        self.id = id
        let keys = JWTKeyCollection()
        switch material {
        case .rsa(let modulus, let exponent):
            algorithm = .rs256
            try Self.requireSize(modulus: modulus, exponent: exponent)
            let key = try Self.made { try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent) }
            await keys.add(rsa: key, digestAlgorithm: .sha256)
        case .ec(let x, let y):
            algorithm = .es256
            let key = try Self.made { try ES256PublicKey(parameters: (x, y)) }
            await keys.add(ecdsa: key)
        case .okp(let x):
            algorithm = .edDSA
            let key = try Self.made { try EdDSA.PublicKey(x: x, curve: .ed25519) }
            await keys.add(eddsa: key)
        }
        thumbprint = Digest256(hashing: material.thumbprintInput)
        do {
            // The only key of this collection, so that no header can make it another one.
            verifier = try await keys.getKey()
        } catch {
            throw AccessError("it is no public key")
        }
        guard verifier.name == algorithm.rawValue else { throw AccessError("it is no key of \(algorithm.rawValue)") }
    }

    /// Whether a signature is this key's, of the bytes.
    func verifies(_ signature: [UInt8], of signed: [UInt8]) -> Bool {
        do {
            return try verifier.verify(signature, signs: signed)
        } catch {
            // Of another length than signatures have.
            return false
        }
    }

    private static func made<Key>(_ body: () throws -> Key) throws(AccessError) -> Key {
        do {
            return try body()
        } catch {
            throw AccessError("it is no public key")
        }
    }

    private static func requireSize(modulus: String, exponent: String) throws(AccessError) {
        guard let modulus = Base64URL.decoded(modulus.utf8), let exponent = Base64URL.decoded(exponent.utf8),
            (1...8).contains(exponent.drop { $0 == 0 }.count), let last = exponent.last, last & 1 == 1,
            exponent.drop(while: { $0 == 0 }) != [1]
        else { throw AccessError("it is no public key") }
        let significant = modulus.drop { $0 == 0 }
        let bits = significant.first.map { significant.count * 8 - $0.leadingZeroBitCount } ?? 0
        guard bits >= minRSABits else {
            throw AccessError("an RSA key needs \(minRSABits) bits at least, and it has \(bits)")
        }
        guard bits <= maxRSABits else {
            throw AccessError("an RSA key has \(maxRSABits) bits at most, and it has \(bits)")
        }
    }
}

/// What makes up a public key: base64url of its numbers.
enum WebKeyMaterial: Hashable, Sendable {
    /// Modulus `n` and exponent `e`.
    case rsa(modulus: String, exponent: String)
    /// A point of the curve P-256.
    case ec(x: String, y: String)
    /// A key of Ed25519.
    case okp(x: String)

    /// What RFC 7638 (section 3.2) hashes: the members in the order of their names.
    var thumbprintInput: [UInt8] {
        let members: KeyValuePairs<String, String> =
            switch self {
            case .rsa(let modulus, let exponent): ["e": exponent, "kty": "RSA", "n": modulus]
            case .ec(let x, let y): ["crv": "P-256", "kty": "EC", "x": x, "y": y]
            case .okp(let x): ["crv": "Ed25519", "kty": "OKP", "x": x]
            }
        var writer = JSONWriter()
        writer.value(.object(members.map { JSONValue.Member(name: $0.key, value: .string($0.value)) }))
        return writer.bytes
    }
}
