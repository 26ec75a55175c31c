public import EventSourcing
internal import JSON

/// A line of the file of tokens: who may do what by showing a token, of which only the digest is kept.
public struct TokenEntry: Hashable, Sendable {
    /// The name of the token, which is the actor's: see ``ActorName``.
    public let name: String
    /// What its holder may do.
    public let role: Role
    /// SHA-256 of the token's text.
    public let digest: Digest256
    /// Which resources its holder may see.
    public let reach: Reach
    /// When it ends; nil: never.
    public let expires: Timestamp?

    /// An entry from its parts.
    ///
    /// - Precondition: the name is one: see ``ActorName``.
    public init(name: String, role: Role, digest: Digest256, reach: Reach = .all, expires: Timestamp? = nil) {
        precondition(ActorName.isValid(name), "the name of a token has 1 to 128 visible ASCII characters")
        self.name = name
        self.role = role
        self.digest = digest
        self.reach = reach
        self.expires = expires
    }

    /// Whether its time is over.
    public func isExpired(at now: Timestamp) -> Bool { expires.map { $0 <= now } == true }

    /// The entry as a line of the file, with the line feed at its end.
    public var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("name")
        writer.string(name)
        writer.member("role")
        writer.string(role.rawValue)
        writer.member("sha256")
        writer.string("\(digest)")
        if reach != .all {
            writer.member("accounts")
            writer.string("\(reach)")
        }
        if let expires {
            writer.member("expires")
            writer.string("\(expires)")
        }
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }
}
