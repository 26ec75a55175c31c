import Access
import Crypto
import CryptoExtras
import Foundation

/// Makes JSON Web Tokens of every kind, and the JWK Set of their keys. Nothing of it is the code that it tests.
struct WebTokenIssuer {
    enum Kind: String, CaseIterable, Sendable {
        case rsa = "RS256"
        case ec = "ES256"
        case ed = "EdDSA"
    }

    static let rsa = made { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    let ec = P256.Signing.PrivateKey()
    let ed = Curve25519.Signing.PrivateKey()

    static func encoded(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func encoded(_ text: String) -> String { encoded(Data(text.utf8)) }

    func key(_ kind: Kind, id: String? = nil, further: String = "") -> String {
        let id = id.map { #","kid":"\#($0)""# } ?? ""
        switch kind {
        case .rsa:
            let parts = made { try Self.rsa.publicKey.getKeyPrimitives() }
            return
                #"{"kty":"RSA","n":"\#(Self.encoded(parts.modulus))","e":"\#(Self.encoded(parts.publicExponent))"\#(id)\#(further)}"#
        case .ec:
            let raw = ec.publicKey.rawRepresentation
            return
                #"{"kty":"EC","crv":"P-256","x":"\#(Self.encoded(raw.prefix(32)))","y":"\#(Self.encoded(raw.suffix(32)))"\#(id)\#(further)}"#
        case .ed:
            return
                #"{"kty":"OKP","crv":"Ed25519","x":"\#(Self.encoded(ed.publicKey.rawRepresentation))"\#(id)\#(further)}"#
        }
    }

    /// A set of all three keys, by the names of their algorithms.
    var keys: String { Self.set(Kind.allCases.map { key($0, id: $0.rawValue) }) }

    static func set(_ keys: [String]) -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }

    func signature(_ kind: Kind, of text: String) -> String {
        let data = Data(text.utf8)
        switch kind {
        case .rsa:
            return Self.encoded(
                made { try Self.rsa.signature(for: data, padding: .insecurePKCS1v1_5) }.rawRepresentation)
        case .ec: return Self.encoded(made { try ec.signature(for: data) }.rawRepresentation)
        case .ed: return Self.encoded(made { try ed.signature(for: data) })
        }
    }

    /// A token with a header and claims as they are given.
    func token(_ kind: Kind, header: String? = nil, claims: String) -> String {
        let header = header ?? #"{"alg":"\#(kind.rawValue)","kid":"\#(kind.rawValue)","typ":"JWT"}"#
        let signed = Self.encoded(header) + "." + Self.encoded(claims)
        return signed + "." + signature(kind, of: signed)
    }
}

/// The claims of a good token, and changes to them.
struct Claims {
    private var members: [(name: String, value: String)]

    init(now: Int64) {
        members = [
            ("iss", "\"\(Stage.issuer)\""), ("aud", "\"\(Stage.audience)\""), ("sub", "\"alice\""),
            ("exp", "\(now + 100)"), ("iat", "\(now)"), ("daybook_role", "\"teller\""),
        ]
    }

    func with(_ name: String, _ value: String) -> Claims {
        var changed = without(name)
        changed.members.append((name, value))
        return changed
    }

    func without(_ name: String) -> Claims {
        var changed = self
        changed.members.removeAll { $0.name == name }
        return changed
    }

    func adding(_ name: String, _ value: String) -> Claims {
        var changed = self
        changed.members.append((name, value))
        return changed
    }

    var text: String { "{" + members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}" }
}
