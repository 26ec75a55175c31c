/// What must come about in some seeds, or the simulation has grown tame and proves little.
enum Situation: CaseIterable {
    /// A decision stood on an append that was under way.
    case pipelined
    /// The log refused an append, and with it others that stood on it.
    case unwound
    /// An append was committed after its gateway had given it up.
    case committedUnseen
    /// An aggregate was loaded anew while appends of it were under way.
    case reloadedUnderWay
    /// The log confirmed what an order needs no events for, or refused to.
    case confirmedByReading, outdatedByReading
    /// An order was refused on an append that was committed.
    case confirmedByCommit
    case obeyed, refused, conditionFailed, keyReused, inProgress
    case obeyedReplay, refusedReplay
    case outcomeUnknown, unavailable, overloaded
    /// A reply came after its request had ended.
    case lateReply
    /// The log crashed while flushing, and the batch was on disk, or not.
    case flushSurvived, flushLost
    /// Live events were missed, the last of a burst was, or some came again.
    case gap, lostTail, repeated
    /// A subscriber went on from what it had saved.
    case resumed
    /// A read told of a head behind its own records.
    case headToldLate
    /// A query had to wait, or waited for nothing.
    case queryWaited, queryGaveUp
}
