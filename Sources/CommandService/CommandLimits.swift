/// What a command service holds at most.
public struct CommandLimits: Hashable, Sendable {
    /// The most aggregates kept in memory.
    public var cachedAggregates: Int
    /// The most commands that wait to be answered; further ones are refused as overload.
    public var commandsInProgress: Int

    /// How many of them may have come many at once: half, so that there is room for those that come alone.
    var bulkCommandsInProgress: Int { max(1, commandsInProgress / 2) }

    /// Limits.
    public init(cachedAggregates: Int, commandsInProgress: Int = 10_000) {
        self.cachedAggregates = cachedAggregates
        self.commandsInProgress = commandsInProgress
    }
}
