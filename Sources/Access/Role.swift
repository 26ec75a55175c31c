/// What somebody is trusted with.
public enum Role: String, Hashable, Sendable, CaseIterable {
    /// Reads resources.
    case reader
    /// Reads, and moves what belongs to resources.
    case teller
    /// Reads, moves, and changes what resources are.
    case manager
    /// Reads everything, the whole history too.
    case auditor
    /// Looks after the services; sees no resource.
    case `operator`

    /// Whether the role has a permission.
    public func has(_ permission: Permission) -> Bool {
        switch permission {
        case .everybody: true
        case .read: self != .operator
        case .move: self == .teller || self == .manager
        case .manage: self == .manager
        case .audit: self == .auditor
        case .operate: self == .operator
        }
    }
}

/// What something may be asked for: every way in names one.
public enum Permission: Hashable, Sendable, CaseIterable {
    /// Asks for no proof of who it is.
    case everybody
    /// Reads resources.
    case read
    /// Moves what belongs to resources.
    case move
    /// Makes and changes resources.
    case manage
    /// Reads the whole history, and sums over all resources.
    case audit
    /// Looks after a service.
    case operate

    /// The role with the fewest rights that has it; nil: none is needed.
    public var leastRole: Role? {
        switch self {
        case .everybody: nil
        case .read: .reader
        case .move: .teller
        case .manage: .manager
        case .audit: .auditor
        case .operate: .operator
        }
    }
}
