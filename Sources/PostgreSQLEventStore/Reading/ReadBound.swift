/// How far a log is read: what comes after it may be seen already, but it is not certain that it stays. A commit that was
/// cancelled while it waited for a standby, or whose server's process was ended, can be seen and then be lost.
struct ReadBound: Hashable, Sendable {
    /// The last position.
    var position: UInt64
    /// The number of the last transaction.
    var change: Int64
}
