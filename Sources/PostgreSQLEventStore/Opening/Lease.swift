/// The times on which the right to report how a log stands depends.
enum Lease {
    /// How long it lasts from the moment at which a transaction was sent that was committed.
    static let length = Duration.seconds(3)
    /// How long the leader writes nothing, at most.
    static let touchInterval = Duration.milliseconds(500)
    /// How much the clocks of two servers may differ.
    static let skew = Duration.seconds(1)
    /// How long it may take until a program knows that the server has ended its session.
    static let notice = Duration.milliseconds(250)
    /// How much longer than a lease a leader may write nothing before a standby ends its session.
    static let silenceLimit = Duration.seconds(2)
}
