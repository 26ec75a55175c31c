internal import EventSourcing

/// The totals of each currency, kept up to date event by event.
struct AccountTotals: Sendable {
    /// What moved in a currency so far: what a checkpoint must hold, since accounts do not tell it.
    struct Flows: Hashable, Sendable {
        let currency: Currency
        var deposited: Int128
        var withdrawn: Int128
        var sent: Int128
        var received: Int128
    }

    /// One for each currency that ever occurred, in the order of their first accounts.
    private var currencies: [RunningTotals] = []
    /// The accounts that are counted; all others are outside.
    private let range: NameRange
    /// Where the currency of the last event stands: most events are of few currencies.
    private var lastIndex = 0

    /// The totals of the accounts of a range.
    init(of range: NameRange) { self.range = range }

    /// The totals as of a time, in the order of the currencies' codes. A currency of which no account is counted is left
    /// out.
    func totals(asOf time: Timestamp) -> [CurrencyTotals] {
        currencies.filter { $0.accounts > 0 }.sorted { $0.currency.code < $1.currency.code }
            .map { $0.totals(asOf: time) }
    }

    /// What moved in each currency, in the order of the currencies' codes.
    var flows: [Flows] {
        currencies.sorted { $0.currency.code < $1.currency.code }.map {
            Flows(
                currency: $0.currency, deposited: $0.deposited, withdrawn: $0.withdrawn, sent: $0.sent,
                received: $0.received)
        }
    }

    /// Applies a record to its account and takes what it changes into the totals. If it throws, nothing has changed.
    mutating func apply(_ record: RecordedEvent, to account: inout Revision<Account>) throws(RevisionError) {
        let event = try account.next(record)
        let ended = event.endedHold.flatMap { account.state.recordedHold($0) }
        let isOpening = account.version == 0
        try account.apply(event, of: record)
        let index = index(of: account.state.currency)
        if isOpening { currencies[index].accounts += 1 }
        if let movement = event.movement { currencies[index].add(movement, in: range) }
        if let ended { currencies[index].remove(ended) }
        if let placed = event.placedHold(at: account.version) { currencies[index].add(placed) }
    }

    // MARK: whole accounts

    /// Takes in an account as it is, but not what moved until then.
    mutating func include(_ account: Account) {
        let index = index(of: account.currency)
        currencies[index].accounts += 1
        currencies[index].balance += Int128(account.balance.minorUnits)
        for hold in account.openHolds { currencies[index].add(hold) }
    }

    /// Takes out an account of which a record cannot be applied: what it held is as good as sent away.
    mutating func leaveOut(_ account: Account) {
        let index = index(of: account.currency)
        currencies[index].accounts -= 1
        currencies[index].balance -= Int128(account.balance.minorUnits)
        currencies[index].sent += Int128(account.balance.minorUnits)
        for hold in account.openHolds { currencies[index].remove(hold) }
    }

    /// Takes in what moved in a currency until a checkpoint.
    mutating func add(_ flows: Flows) {
        let index = index(of: flows.currency)
        currencies[index].deposited += flows.deposited
        currencies[index].withdrawn += flows.withdrawn
        currencies[index].sent += flows.sent
        currencies[index].received += flows.received
    }

    private mutating func index(of currency: Currency) -> Int {
        if lastIndex < currencies.count, currencies[lastIndex].currency == currency { return lastIndex }
        if let found = currencies.firstIndex(where: { $0.currency == currency }) {
            lastIndex = found
        } else {
            currencies.append(RunningTotals(currency))
            lastIndex = currencies.count - 1
        }
        return lastIndex
    }
}
