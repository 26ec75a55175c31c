internal import EventSourcing

/// One account of a decision: as it is at the time of the decision, with the expiries that are then recorded first.
struct AccountParty {
    let stream: StreamID
    /// The account after the expiries.
    let account: Account
    /// Its version in the log.
    let version: UInt64
    /// An event for each hold that is expired and not yet recorded as such.
    let expiries: [AccountEvent]

    /// The version of the first event after the expiries.
    var nextVersion: UInt64 { version + UInt64(expiries.count) + 1 }

    /// An account at a time.
    init(_ revision: Revision<Account>, at time: Timestamp) {
        stream = revision.stream
        version = revision.version
        var account = revision.state
        expiries = account.expireHolds(at: time)
        self.account = account
    }

    /// All events of the account, if these are its own.
    func events(_ event: AccountEvent) -> [AccountEvent] { expiries.isEmpty ? [event] : expiries + [event] }

    /// Asks a rule of the other account: what it refuses names that account.
    func asCounterparty<Value>(
        _ rule: (Account) throws(AccountRefusal) -> Value
    ) throws(AccountRefusal) -> Value {
        do {
            return try rule(account)
        } catch {
            throw .counterparty(stream, error)
        }
    }
}

extension Account {
    /// Records that holds expired.
    ///
    /// - Returns: the events, oldest hold first.
    fileprivate mutating func expireHolds(at time: Timestamp) -> [AccountEvent] {
        if isPlain { return [] }
        // Asked first: to change it would copy it.
        guard expiredHolds(at: time) > 0 else { return [] }
        let expired = extras.holds.expire(at: time, after: eventCount)
        eventCount += UInt64(expired.count)
        return expired.map { .holdExpired(hold: $0.hold, amount: $0.amount) }
    }
}
