public import EventSourcing

/// Money of an account that is held for a purpose and not yet captured, released or expired.
public struct OpenHold: Hashable, Sendable {
    /// Its name.
    public let hold: HoldID
    /// How much is held: above zero.
    public let amount: Money
    /// When it expires; nil: never.
    public let expiresAt: Timestamp?
    /// The version of the account at which it was placed.
    public let placedAt: UInt64

    /// Whether it is expired at a time, be that recorded or not.
    public func isExpired(at time: Timestamp) -> Bool { expiresAt.map { $0 <= time } ?? false }
}
