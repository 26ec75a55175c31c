/// What the store can be made to do wrong, so that tests show that they notice it. No setting leads here.
struct Faults: Sendable {
    /// Whoever was deposed can write.
    var hasNoFence = false
    /// Whoever opens a log does not wait until what it finds is on the standby.
    var hasNoBarrier = false
    /// A commit that the server warns of is acknowledged.
    var takesWarningForSuccess = false
    /// The right to answer stays when no transaction is committed any more.
    var hasEndlessLease = false
    /// What was asked while a write was under way is decided on that write though it was refused.
    var decidesOnWhatWasRefused = false
    /// Whoever was deposed takes what it has found so far for all that was recorded if its connection is lost meanwhile.
    var movesHeadBeforeAllIsKnown = false
}
