internal import CommandService

/// What a simulation is made of, and how its parts behave: drawn anew for every seed, so that some seeds are calm in
/// one respect and wild in another.
struct Circumstances {
    var gateways: Int
    var subscribers: Int
    var clients: Int
    var streams: Int
    var ordersPerClient: Int
    /// Once in so many times a client sends orders in sequence.
    var ordersPerSequence: Int
    /// The most orders of a sequence.
    var maxSequence: Int
    /// How long a client rests between its orders.
    var rest: ClosedRange<Microseconds>
    /// How long a message takes.
    var delays: ClosedRange<Microseconds>
    /// How long a flush takes.
    var flushes: ClosedRange<Microseconds>
    /// The most appends of one flush.
    var batchLimit: Int
    /// How long a request waits for its reply.
    var timeout: Microseconds
    /// The most messages that may be on the way to the log before a gateway finds no room.
    var sendQueue: Int
    /// The most requests in one message.
    var framesOfAMessage: Int
    /// The most messages that may be on the way to a subscriber before further ones are dropped.
    var publisherQueue: Int
    /// The most events that a subscriber keeps while it reads.
    var waitingLimit: Int
    /// The most events of a page.
    var pageLimit: Int
    /// The limits of a gateway.
    var limits: CommandLimits
    /// When a gateway keeps snapshots.
    var snapshots: SnapshotPolicy
    /// How far a gateway's clock may be from the log's.
    var clockError: ClosedRange<Microseconds>
    /// Whether gateways know who their clients are, and let them see only some streams.
    var sendersAreKnown: Bool
    /// For how long there are faults.
    var turbulence: Microseconds

    init(_ world: World) {
        gateways = world.oneOf([1, 2, 2, 3])
        subscribers = world.between(1...2)
        clients = world.between(2...5)
        streams = world.between(1...4)
        ordersPerClient = world.between(2...6)
        ordersPerSequence = world.oneOf([1, 3, 5, 1000])
        maxSequence = world.oneOf([3, 6])
        rest = world.oneOf([0...300, 0...3000, 0...100_000])
        delays = world.oneOf([20...60, 20...2000, 20...20_000])
        flushes = world.oneOf([100...300, 200...5000, 1000...40_000])
        batchLimit = world.oneOf([1, 4, 1024])
        // At least what an undisturbed append takes, or nothing would ever be done.
        timeout = world.oneOf([2, 10, 100]) * 2 * (delays.upperBound + flushes.upperBound + 500)
        sendQueue = world.oneOf([1, 3, 1000])
        framesOfAMessage = world.oneOf([1, 3, 64])
        publisherQueue = world.oneOf([1, 4, 1000])
        waitingLimit = world.oneOf([1, 3, 10_000])
        pageLimit = world.oneOf([1, 3, 2000])
        limits = CommandLimits(
            cachedAggregates: world.oneOf([1, 2, 100]), commandsInProgress: world.oneOf([4, 1000, 1000]),
            deadline: .microseconds(world.oneOf([4, 20, 200]) * timeout))
        snapshots = SnapshotPolicy(interval: world.oneOf([0, 2, 5]), auditedOneIn: 0)
        clockError = world.oneOf([0...0, -2000...2000, -500_000...500_000])
        sendersAreKnown = world.onceIn(2)
        turbulence = world.oneOf([.milliseconds(20), .milliseconds(200), .seconds(1)])
    }
}
