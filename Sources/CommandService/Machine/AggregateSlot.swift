public import EventSourcing

/// One aggregate in memory, with decisions that stand on events that are sent to the log but not yet acknowledged.
///
/// So a hot aggregate is not limited to one command per flush of the log: command after command is decided on the state
/// that the one before will make, and all of them travel in one batch. Each append names the version and the last event
/// that it stands on, so if the log refuses one, it refuses all that stood on it, and each is decided again on the
/// state that the log reports.
///
/// Not Sendable: it belongs to the machine, and to its driver as a token.
public final class AggregateSlot<State: Aggregate, Client> {
    typealias Run = CommandRun<State, Client>

    /// The aggregate's stream.
    public let stream: StreamID

    /// What is known of the aggregate.
    var state: SlotState<State, Client>

    // MARK: the commands

    /// Commands that are being executed on it; while there are any, the slot stays.
    var users = 0
    /// Those that must be executed in their order.
    var sequence = CommandSequence<State, Client>()
    /// When the last of these was executed.
    var lastInSequence: ContinuousClock.Instant?
    private(set) var isLoading = false
    private var loadWaiters: [Run] = []
    /// The commands that have a key, by their keys.
    private var keyHolders: [[UInt8]: Run] = [:]
    /// Commands that wait until none before them has their key, in their order.
    private var keyWaiters: [Run] = []

    /// Of the cache: used since the clock's hand last passed.
    var wasUsed = false

    /// A slot of an aggregate that is not loaded.
    public init(_ stream: StreamID) {
        self.stream = stream
        state = SlotState(of: stream)
    }

    // MARK: loading

    /// - Returns: whether a load is to be started for it; else one is under way.
    func waitForLoad(_ run: Run) -> Bool {
        loadWaiters.append(run)
        guard !isLoading else { return false }
        isLoading = true
        state.beginLoad()
        return true
    }

    /// The load under way has ended.
    ///
    /// - Parameter revision: what was loaded; nil: it failed.
    /// - Returns: those who waited for it.
    func loaded(_ revision: Revision<State>?) -> [Run] {
        isLoading = false
        let waiters = loadWaiters
        loadWaiters = []
        if let revision { state.loaded(revision) }
        return waiters
    }

    /// Forgets all that is under way: nobody will hear of it any more.
    func abandon() {
        state.abandon()
        loadWaiters = []
        keyHolders = [:]
        keyWaiters = []
        sequence = CommandSequence()
    }

    // MARK: keys

    /// The fingerprint of the command that has a key; nil if none has it.
    func fingerprint(of key: IdempotencyKey) -> Digest256? { keyHolders[key.bytes]?.order.key?.fingerprint }

    func take(_ key: IdempotencyKey, for run: Run) {
        keyHolders[key.bytes] = run
        run.holdsKey = true
    }

    func waitForKey(_ run: Run) { keyWaiters.append(run) }

    /// Gives a key to the next who waits for it. It is never free in between: whoever came later would get it first.
    func release(_ key: IdempotencyKey) -> Run? {
        guard let next = keyWaiters.firstIndex(where: { $0.order.key?.bytes == key.bytes }) else {
            keyHolders[key.bytes] = nil
            return nil
        }
        let waiter = keyWaiters.remove(at: next)
        take(key, for: waiter)
        return waiter
    }
}
