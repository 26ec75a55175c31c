public import EventSourcing

/// What the command machine asks its driver to do. Each but the last two is answered by the input that it names, exactly
/// once.
public enum CommandAction<State: Aggregate, Client> {
    /// Send the append's request to the log, in the order of these actions; then ``CommandMachine/appended(_:_:at:)``.
    case append(PendingAppend<State, Client>)
    /// Load the newest state of the slot's aggregate; then ``CommandMachine/loaded(_:_:at:)``.
    case load(AggregateSlot<State, Client>)
    /// Read the event of this version of the stream that the command was sent to; then
    /// ``CommandMachine/readEvent(_:_:at:)``.
    case readEvent(CommandRun<State, Client>, version: UInt64)
    /// Look up what was done under the command's key; then ``CommandMachine/foundOutcome(_:_:at:)``.
    case findOutcome(CommandRun<State, Client>)
    /// Read the aggregate that the command was sent to as it was at a version; then
    /// ``CommandMachine/readRevision(_:_:at:)``.
    case readRevision(CommandRun<State, Client>, version: UInt64)
    /// Wait; then ``CommandMachine/pauseEnded(_:at:)``.
    case pause(CommandRun<State, Client>, Duration)
    /// Keep a snapshot, if there is nothing better to do.
    case keepSnapshot(Revision<State>)
    /// Answer the client.
    case answer(Client, Result<CommandAnswer<State>, CommandFailure<State>>)
}
