/// How a hold ended.
public struct HoldResolution: Hashable, Sendable {
    /// The ways in which a hold ends.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        case captured, released, expired
    }

    /// In which way it ended.
    public let kind: Kind
    /// The version of the account at which that was recorded; nil for an expiry that is not recorded yet.
    public let version: UInt64?

    /// A resolution from its parts.
    public init(_ kind: Kind, version: UInt64?) {
        self.kind = kind
        self.version = version
    }
}
