public import EventSourcing

/// An account: who owns it, and what is in it.
public struct Account: Aggregate {
    /// Whether the account exists.
    public enum Status: String, Hashable, Sendable {
        /// It was never opened.
        case absent
        /// It takes deposits and withdrawals.
        case open
    }

    /// `account`.
    public static let category = "account"

    /// Whether the account exists; until it does, the other properties say nothing.
    public private(set) var status = Status.absent
    /// Who owns it, exactly as given.
    public private(set) var owner = ""
    /// The currency of the balance and of every amount.
    public private(set) var currency = Currency.usd
    /// What is in it: never below zero.
    public private(set) var balance = Money.zero(in: .usd)

    /// An account that was never opened.
    public init() {}

    /// An open account.
    init(owner: String, currency: Currency, balance: Money) {
        status = .open
        self.owner = owner
        self.currency = currency
        self.balance = balance
    }

    /// What happens when the command is executed.
    public static func decide(
        _ command: AccountCommand, in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> Decision<AccountEvent> {
        Decision(try context.state.decide(command))
    }

    /// What happens when the command is obeyed: always one event.
    package func decide(_ command: AccountCommand) throws(AccountRefusal) -> [AccountEvent] {
        switch command {
        case .open(let owner, let initialBalance, let currency):
            guard status == .absent else { throw .alreadyOpen }
            let amount = try Self.money(initialBalance, in: currency, at: "/initial_balance")
            guard amount.minorUnits >= 0 else {
                throw .invalidAmount(
                    pointer: "/initial_balance", detail: "expected an amount of 0 or more, found \(amount)")
            }
            return [.opened(owner: owner, initialBalance: amount, currency: currency)]
        case .deposit(let number):
            let amount = try movement(number)
            _ = try balanceAfter { () throws(MoneyError) in try balance.adding(amount) }
            return [.deposited(amount: amount)]
        case .withdraw(let number):
            let amount = try movement(number)
            guard amount <= balance else {
                throw .insufficientFunds(
                    available: balance, requested: amount,
                    shortfall: try balanceAfter { () throws(MoneyError) in try amount.subtracting(balance) },
                    currency: currency)
            }
            return [.withdrawn(amount: amount)]
        }
    }

    /// Takes in an event that happened.
    public mutating func apply(_ event: AccountEvent) throws(ImpossibleEvent) {
        switch event {
        case .opened(let owner, let initialBalance, let currency):
            guard status == .absent else { throw ImpossibleEvent("a second opening of an account") }
            guard initialBalance.fractionDigits == currency.fractionDigits else {
                throw ImpossibleEvent("\(initialBalance) has not the fractional digits of \(currency)")
            }
            guard initialBalance.minorUnits >= 0 else {
                throw ImpossibleEvent("an opening with \(initialBalance), below zero")
            }
            self.owner = owner
            self.currency = currency
            balance = initialBalance
            status = .open
        case .deposited(let amount):
            try checkMovement(amount)
            do {
                balance = try balance.adding(amount)
            } catch {
                throw ImpossibleEvent("a deposit of \(amount) takes \(balance) beyond \(Money.largest(in: currency))")
            }
        case .withdrawn(let amount):
            try checkMovement(amount)
            guard amount <= balance else {
                throw ImpossibleEvent("a withdrawal of \(amount) takes \(balance) below zero")
            }
            do {
                balance = try balance.subtracting(amount)
            } catch {
                throw ImpossibleEvent("a withdrawal of \(amount) from \(balance): \(error)")
            }
        }
    }

    /// The amount of a deposit or a withdrawal, in the account's currency.
    private func movement(_ number: DecimalNumber) throws(AccountRefusal) -> Money {
        guard status == .open else { throw .notFound }
        let amount = try Self.money(number, in: currency, at: "/amount")
        guard amount.minorUnits > 0 else {
            throw .invalidAmount(pointer: "/amount", detail: "expected an amount greater than 0, found \(amount)")
        }
        return amount
    }

    private static func money(
        _ number: DecimalNumber, in currency: Currency, at pointer: String
    ) throws(AccountRefusal) -> Money {
        do {
            return try number.money(in: currency)
        } catch {
            let detail = error.detail(in: currency)
            throw error == .outOfRange
                ? .amountOutOfRange(pointer: pointer, detail: detail) : .invalidAmount(pointer: pointer, detail: detail)
        }
    }

    private func balanceAfter(_ calculate: () throws(MoneyError) -> Money) throws(AccountRefusal) -> Money {
        do {
            return try calculate()
        } catch {
            throw .amountOutOfRange(pointer: "/amount", detail: AmountError.outOfRange.detail(in: currency))
        }
    }

    private func checkMovement(_ amount: Money) throws(ImpossibleEvent) {
        guard status == .open else { throw ImpossibleEvent("a movement on an account that was never opened") }
        guard amount.fractionDigits == currency.fractionDigits else {
            throw ImpossibleEvent("\(amount) has not the fractional digits of \(currency)")
        }
        guard amount.minorUnits > 0 else { throw ImpossibleEvent("a movement of \(amount), not above zero") }
    }
}
