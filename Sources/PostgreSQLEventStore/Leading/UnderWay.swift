internal import EventSourcing

/// A write that was decided, until it is known to be durable: they end in the order in which they were decided.
struct UnderWay {
    /// What it is answered with if it, and all before it, are recorded.
    enum Answer {
        case append([Batch.Answer], Batch)
        case keep([Bool])
        case done
        /// Nothing is written; reported when all before it has ended.
        case obstructed(StoreObstacle)
    }

    /// The transaction that records it.
    struct Transaction {
        /// By which its outcome is asked for.
        let number: UInt64
        let sentAt: ContinuousClock.Instant
        /// The head of the log afterwards.
        let end: LogHead
        /// Which of its statements is the commit.
        let commit: Int
        /// Which asks for the settings, if one does.
        var settings: Int?
        /// Which takes the lock, if one does.
        var lock: Int?
    }

    /// Whose it is; nil: only the lease is renewed.
    let job: WriterJob?
    let answer: Answer
    /// nil: it writes nothing.
    let transaction: Transaction?

    /// What an append decided, for those decided after it.
    var batch: Batch? { if case .append(_, let batch) = answer { batch } else { nil } }
}
