/// Who asks for something, as far as it was proved.
public struct Caller: Hashable, Sendable {
    /// What is known of a caller.
    public enum Standing: Hashable, Sendable {
        /// Nothing is asked for: everybody may do everything.
        case unrestricted
        /// Somebody with a role.
        case role(Role)
        /// Somebody who proved nothing.
        case stranger
    }

    /// Who it is, by the name that an audit shows; nil: nobody proved it.
    public let actor: String?
    /// What it may do.
    public let standing: Standing
    /// Which resources it may see; nil: none.
    public let reach: Reach?
    /// What it proved itself by, to ask later if that still holds; nil: by nothing.
    public let credential: Credential?

    /// A caller from its parts.
    public init(actor: String?, standing: Standing, reach: Reach? = .all, credential: Credential? = nil) {
        self.actor = actor
        self.standing = standing
        self.reach = reach
        self.credential = credential
    }

    /// Everybody, while nothing is asked for.
    public static let unrestricted = Caller(actor: nil, standing: .unrestricted)
    /// Somebody who proved nothing.
    public static let stranger = Caller(actor: nil, standing: .stranger, reach: nil)

    /// Whether it may see a resource.
    public func sees(_ name: String) -> Bool { reach?.includes(name) == true }

    /// Whether it sees every resource there is.
    public var seesAll: Bool { reach == .all }

    /// The same caller, who sees only what is also in another reach.
    public func narrowed(to other: Reach) -> Caller {
        Caller(
            actor: actor, standing: standing, reach: reach.flatMap { $0.intersection(other) }, credential: credential)
    }

    /// Whether it may ask for what needs a permission.
    public func decision(for permission: Permission) -> Decision {
        switch standing {
        case .unrestricted: .allowed
        case .role(let role):
            if role.has(permission) {
                .allowed
            } else {
                permission.leastRole.map(Decision.forbidden) ?? .allowed
            }
        case .stranger: permission == .everybody ? .allowed : .unauthenticated
        }
    }

    /// What becomes of a request.
    public enum Decision: Hashable, Sendable {
        /// It may be done.
        case allowed
        /// Whoever asks must prove who it is.
        case unauthenticated
        /// Whoever asks would need this role, or one with more rights.
        case forbidden(needed: Role)
    }
}

/// What a caller proved itself by.
public enum Credential: Hashable, Sendable {
    /// The token of this name in the file of tokens, by the digest that stood there.
    case token(name: String, digest: [UInt8])
    /// A JSON Web Token signed by the key of this id, until a time in seconds since 1970.
    case webToken(key: String?, expires: Int64)
    /// The certificate of the connection.
    case certificate
}
