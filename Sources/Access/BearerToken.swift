/// The token of a request's `Authorization` field (RFC 6750, section 2.1).
package enum BearerToken: Hashable, Sendable {
    /// The request has no such field.
    case absent
    /// The token's text.
    case present(String)
    /// The fields are not one bearer token: the reason, without a part of them.
    case malformed(String)

    /// The most bytes of a token: of a JSON Web Token with all its claims and its signature.
    package static let maxLength = 8 << 10

    /// Reads the values of all `Authorization` fields of a request.
    package init(_ fields: [String]) {
        guard let field = fields.first else {
            self = .absent
            return
        }
        guard fields.count == 1 else {
            self = .malformed("more than one Authorization field")
            return
        }
        let text = field.utf8
        guard text.count <= Self.maxLength + 64 else {
            self = .malformed("the Authorization field is too long")
            return
        }
        guard let end = text.firstIndex(of: UInt8(ascii: " ")), Self.isBearer(text[..<end]) else {
            self = .malformed("the Authorization field is not of the scheme Bearer")
            return
        }
        let token = text[end...].drop { $0 == UInt8(ascii: " ") }
        guard token.count <= Self.maxLength, Self.isToken(token), let token = String(token) else {
            self = .malformed("the Authorization field is not one bearer token")
            return
        }
        self = .present(token)
    }

    private static func isBearer(_ scheme: Substring.UTF8View) -> Bool {
        // Every letter of the word has this bit in lower case only.
        scheme.count == 6 && zip(scheme, "bearer".utf8).allSatisfy { $0 | 0x20 == $1 }
    }

    /// `b64token`: letters, digits and `-._~+/`, at least one, then any number of `=`.
    private static func isToken(_ text: Substring.UTF8View) -> Bool {
        let rest = text.drop { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        return rest.count < text.count && rest.allSatisfy { $0 == UInt8(ascii: "=") }
    }
}
