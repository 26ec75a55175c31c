public import EventSourcing

/// An account: who owns it, what is in it, and what may be done with it.
///
/// The state is what is recorded. Holds expire by time alone, so whoever asks what is held or available says when.
public struct Account: Aggregate {
    /// Whether the account exists and takes commands.
    public enum Status: String, Hashable, Sendable {
        /// It was never opened.
        case absent
        /// It takes commands.
        case open
        /// It takes none any more.
        case closed
    }

    /// `account`.
    public static let category = "account"

    /// The most open holds of an account: the expiries of two accounts with that many fit into one append.
    public static let maxOpenHolds = 4000

    /// Whether the account exists; until it does, the other properties say nothing.
    public internal(set) var status = Status.absent
    /// Who owns it, exactly as given.
    public internal(set) var owner = ""
    /// The currency of the balance and of every amount.
    public internal(set) var currency = Currency.usd
    /// The minor units of the balance.
    var units: Int64 = 0
    /// How many events there were.
    var eventCount: UInt64 = 0
    /// At most one element: an array since it is copied on write, and one word without an allocation for the accounts that
    /// have nothing of it.
    private var rare: [AccountExtras] = []

    /// An account that was never opened.
    public init() {}

    /// An account that exists.
    init(
        status: Status, owner: String, currency: Currency, balance: Money, eventCount: UInt64, extras: AccountExtras
    ) {
        self.status = status
        self.owner = owner
        self.currency = currency
        self.eventCount = eventCount
        units = balance.minorUnits
        if !extras.isEmpty { rare = [extras] }
    }

    /// What is in it: below zero only as far as an overdraft allowed when money was last taken out.
    public var balance: Money { money(units) }

    /// What most accounts do not have.
    var extras: AccountExtras {
        get { rare.first ?? .none }
        _modify {
            if rare.isEmpty { rare.append(.none) }
            defer { if rare[0].isEmpty { rare = [] } }
            yield &rare[0]
        }
    }

    /// Whether it has nothing of them.
    var isPlain: Bool { rare.isEmpty }

    /// An amount of minor units that is known to be within the bounds.
    func money(_ units: Int64) -> Money { Money(checked: units, fractionDigits: currency.fractionDigits) }
}
