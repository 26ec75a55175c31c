/// What must come about in some seeds, or the simulation has grown tame and proves little.
enum Situation: CaseIterable {
    /// An append was sent while another that it stood on was under way.
    case pipelined
    /// The log refused an append for its first stream, for another one, or for several.
    case firstStreamMoved, otherStreamMoved, severalStreamsMoved
    /// One append recorded events of several streams.
    case severalStreams
    /// The log confirmed what an order needs no events for, or refused to.
    case checkHeld, checkFailed
    /// An aggregate was loaded from a snapshot.
    case loadedFromSnapshot
    case executed, refused, conditionFailed, keyReused, inProgress
    case executedReplay, refusedReplay
    /// An order would have taken from a stream that its sender does not see.
    case beyondReach
    /// A stream that its sender does not see was added to.
    case addedBeyondReach
    /// A key was used by two actors.
    case keyOfTwo
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
    /// A page ended within an append.
    case pageEndsWithinAppend
    /// A query had to wait, or waited for nothing.
    case queryWaited, queryGaveUp
}
