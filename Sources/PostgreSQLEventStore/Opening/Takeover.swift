/// Whether it is a program's turn to lead a log. See `Sources/Stores.md`: no two answer at one time.
struct Takeover {
    /// What to do.
    enum Step: Equatable {
        /// Take the lead, and answer nobody for a while.
        case take(quietFor: Duration)
        /// Have the server end the session that holds the lock.
        case endHolder
        /// Another program leads, or is to have the chance to go on.
        case wait
    }

    private struct Sight {
        let epoch: Int64
        let changes: Int64
        let since: ContinuousClock.Instant
    }

    private var sight: Sight?

    /// What to do, given the row as it is now.
    ///
    /// - Parameter hasLock: whether this program got the advisory lock.
    mutating func step(_ row: LeadRow, hasLock: Bool, at now: ContinuousClock.Instant = .now) -> Step {
        if sight?.epoch != row.epoch || sight?.changes != row.changes {
            sight = Sight(epoch: row.epoch, changes: row.changes, since: now)
        }
        let unchanged = now - (sight?.since ?? now)
        guard hasLock else { return unchanged > Lease.length + Lease.silenceLimit ? .endHolder : .wait }
        // Nobody has led yet, or who led answers nobody any more.
        if row.epoch == 0 || row.isReleased { return .take(quietFor: .zero) }
        if row.isOfThisRun { return .take(quietFor: Lease.notice) }
        // Who led may be connecting anew: it need not wait then.
        let isOver = max(row.age, unchanged) > Lease.length + Lease.skew
        return isOver ? .take(quietFor: .zero) : .wait
    }
}
