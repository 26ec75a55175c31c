/// What a simulation is made of, and how its parts behave: drawn anew for every seed, so that some seeds are calm in
/// one respect and wild in another.
struct Circumstances {
    let gateways: Int
    let subscribers: Int
    let clients: Int
    let streams: Int
    let ordersPerClient: Int
    /// How long a client rests between its orders.
    let rest: ClosedRange<Microseconds>
    /// How long a message takes.
    let delays: ClosedRange<Microseconds>
    /// How long a flush takes.
    let flushes: ClosedRange<Microseconds>
    /// The most appends of one flush.
    let batchLimit: Int
    /// How long a request waits for its reply.
    let timeout: Microseconds
    /// The most messages that may be on the way to the log before a gateway finds no room.
    let sendQueue: Int
    /// The most requests in one message.
    let framesOfAMessage: Int
    /// The most messages that may be on the way to a subscriber before further ones are dropped.
    let publisherQueue: Int
    /// The most events that a subscriber keeps while it reads.
    let waitingLimit: Int
    /// The most events of a page.
    let pageLimit: Int
    /// For how long there are faults.
    let turbulence: Microseconds

    init(_ world: World) {
        gateways = world.between(1...3)
        subscribers = world.between(1...2)
        clients = world.between(2...6)
        streams = world.between(1...3)
        ordersPerClient = world.between(3...8)
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
        turbulence = world.oneOf([.milliseconds(20), .milliseconds(200), .seconds(1)])
    }
}
