/// What a command service holds at most, and how long a command may take.
public struct CommandLimits: Hashable, Sendable {
    /// The most aggregates kept in memory.
    public var cachedAggregates: Int
    /// The most commands that wait to be answered; further ones are refused as overload.
    public var commandsInProgress: Int

    /// After this long nothing more is asked of the log for a command, so that it is answered, whatever happens, once the
    /// last request to the log has ended.
    public var deadline: Duration

    /// How many of them may have come many at once: half, so that there is room for those that come alone.
    var bulkCommandsInProgress: Int { max(1, commandsInProgress / 2) }

    /// Limits.
    public init(cachedAggregates: Int, commandsInProgress: Int = 10_000, deadline: Duration = .seconds(10)) {
        self.deadline = deadline
        self.cachedAggregates = cachedAggregates
        self.commandsInProgress = commandsInProgress
    }
}
