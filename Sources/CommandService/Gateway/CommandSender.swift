public import Access
public import EventSourcing

/// Who sends a command, as far as it is known and makes a difference to it.
///
/// A command whose sender is unknown and sees everything has none: it costs what it cost before there were callers. A class,
/// so that an order is one word larger and no more.
public final class CommandSender: Sendable {
    /// By which name it is recorded, and its keys are kept apart from others'; nil: nobody proved who it is.
    public let actor: String?
    /// Which aggregates it sees; nil: none.
    public let reach: Reach?

    /// A sender from its parts.
    public init(actor: String?, reach: Reach? = .all) {
        self.actor = actor
        self.reach = reach
    }

    /// The sender of a caller's commands; nil if nobody knows who it is and it sees everything.
    static func of(_ caller: Caller) -> CommandSender? {
        caller.actor == nil && caller.seesAll ? nil : CommandSender(actor: caller.actor, reach: caller.reach)
    }

    /// Whether it sees an aggregate.
    public func sees(_ stream: StreamID) -> Bool { reach?.includes(stream.name) == true }

    /// Whether it sees every aggregate.
    public var seesAll: Bool { reach == .all }
}

extension CommandSender? {
    /// Whether an aggregate is seen.
    public func sees(_ stream: StreamID) -> Bool { self?.sees(stream) ?? true }

    /// Whether every aggregate is seen.
    public var seesAll: Bool { self?.seesAll ?? true }
}
