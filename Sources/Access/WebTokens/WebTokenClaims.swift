internal import JSON

/// What a JSON Web Token says of its holder (RFC 7519, section 4), as far as it means something here.
struct WebTokenClaims: Sendable {
    /// How far the clocks of issuer and service may differ, in seconds. A token never lives longer for it.
    static let maxClockSkew: Int64 = 5

    /// Who it is: `sub`.
    let actor: String
    /// What it may do: `daybook_role`.
    let role: Role
    /// Which resources it may see: `daybook_accounts`; absent: all.
    let reach: Reach
    /// When it ends, in seconds since 1970: `exp`.
    let expires: Int64
    private let notBefore: Int64?
    private let issuedAt: Int64?

    /// Reads claims and requires issuer and audience.
    ///
    /// - Throws: ``AccessError`` with the reason to refuse the token.
    init(_ bytes: [UInt8], issuer: String, audience: String) throws(AccessError) {
        var parts = Parts()
        var reader = JSONReader(bytes, maximumDepth: 32)
        do throws(JSONError) {
            try reader.readObject { name, reader throws(JSONError) in try parts.read(name, from: &reader) }
            try reader.finish()
        } catch {
            throw AccessError("the token's claims are not readable")
        }
        guard parts.issuer.map({ $0.utf8.elementsEqual(issuer.utf8) }) == true else {
            throw AccessError("the token is of another issuer")
        }
        guard parts.audience.contains(where: { $0.utf8.elementsEqual(audience.utf8) }) else {
            throw AccessError("the token is for another audience")
        }
        guard let actor = parts.subject, ActorName.isValid(actor) else {
            throw AccessError("the token's sub is not 1 to 128 visible ASCII characters")
        }
        guard let role = parts.role.flatMap({ Role(rawValue: $0) }) else {
            throw AccessError("the token's daybook_role is none of the roles")
        }
        var reach = Reach.all
        if let accounts = parts.accounts {
            guard let pattern = Reach(accounts) else { throw AccessError("the token's daybook_accounts is no pattern") }
            reach = pattern
        }
        guard let expires = parts.expires else { throw AccessError("the token has no exp") }
        self.actor = actor
        self.role = role
        self.reach = reach
        self.expires = expires
        notBefore = parts.notBefore
        issuedAt = parts.issuedAt
    }

    /// Why the token is refused at a time in seconds since 1970; nil: it holds.
    func refusal(at now: Int64) -> String? {
        if expires <= now { return "the token is expired" }
        if let notBefore, notBefore > now + Self.maxClockSkew { return "the token is not valid yet" }
        if let issuedAt, issuedAt > now + Self.maxClockSkew { return "the token was issued in the future" }
        return nil
    }

    /// The members as far as they are read.
    private struct Parts {
        var issuer: String?
        var audience: [String] = []
        var subject: String?
        var role: String?
        var accounts: String?
        var expires: Int64?
        var notBefore: Int64?
        var issuedAt: Int64?

        mutating func read(_ name: String, from reader: inout JSONReader) throws(JSONError) {
            switch name {
            case "iss": issuer = try reader.readString()
            case "sub": subject = try reader.readString()
            case "daybook_role": role = try reader.readString()
            case "daybook_accounts": accounts = try reader.readString()
            case "exp": expires = try Self.time(from: &reader, .down)
            case "nbf": notBefore = try Self.time(from: &reader, .up)
            case "iat": issuedAt = try Self.time(from: &reader, .down)
            case "aud":
                guard try reader.peekKind() == .array else {
                    audience = [try reader.readString()]
                    return
                }
                var found: [String] = []
                try reader.readArray { reader throws(JSONError) in found.append(try reader.readString()) }
                audience = found
            default: _ = try reader.readValue()
            }
        }

        /// A NumericDate: seconds since 1970, which may have a fraction.
        private static func time(
            from reader: inout JSONReader, _ rounding: FloatingPointRoundingRule
        ) throws(JSONError) -> Int64 {
            let start = reader.offset
            let literal = try reader.readNumberLiteral()
            // The last second of the year 9999.
            let range: ClosedRange<Int64> = 0...253_402_300_799
            if let seconds = Int64(literal), range.contains(seconds) { return seconds }
            guard let seconds = Double(literal).flatMap({ Int64(exactly: $0.rounded(rounding)) }),
                range.contains(seconds)
            else { throw JSONError(code: .unexpectedMember, offset: start, reason: "no time") }
            return seconds
        }
    }
}
