import Accounts
import EventSourcing
import Testing

@Suite struct AccountTests {
    @Test func `An account begins as nothing`() {
        #expect(Account.category == "account")
        #expect(StreamID.isValidCategory(Account.category))
        #expect(Account().status == .absent)
        #expect(Account().balance == money("0.00"))
    }

    @Test func `The recipe's example comes out`() throws {
        var account = Account()
        let steps: [(AccountCommand, AccountEvent, String)] = [
            (
                .open(owner: "Alice", initialBalance: number("1000"), currency: .usd),
                .opened(owner: "Alice", initialBalance: money("1000.00"), currency: .usd), "1000.00"
            ),
            (.deposit(amount: number("5e2")), .deposited(amount: money("500.00")), "1500.00"),
            (.withdraw(amount: number("200.0")), .withdrawn(amount: money("200.00")), "1300.00"),
        ]
        for (command, event, balance) in steps {
            #expect(try decide(account, command) == [event])
            try account.apply(event)
            #expect(account.balance == money(balance))
        }
        #expect(account.owner == "Alice")
        #expect(account.currency == .usd)
        #expect(account.status == .open)
    }

    @Test func `A withdrawal may empty the account but not more`() throws {
        let rich = account("100.00")
        #expect(try decide(rich, .withdraw(amount: number("100"))) == [.withdrawn(amount: money("100.00"))])
        #expect(
            refusal(rich, .withdraw(amount: number("100.01")))
                == .insufficientFunds(
                    available: money("100.00"), requested: money("100.01"), shortfall: money("0.01"), currency: .usd))
        let empty = account("0", currencies[0])
        #expect(
            refusal(empty, .withdraw(amount: number("999999999999999")))
                == .insufficientFunds(
                    available: money("0"), requested: money("999999999999999"), shortfall: money("999999999999999"),
                    currency: currencies[0]))
    }

    @Test func `An account is opened once, and first`() {
        let open = AccountCommand.open(owner: "B", initialBalance: number("1"), currency: .usd)
        #expect(refusal(account("0.00"), open) == .alreadyOpen)
        #expect(refusal(Account(), open) == nil)
        #expect(refusal(Account(), .deposit(amount: number("1"))) == .notFound)
        #expect(refusal(Account(), .withdraw(amount: number("1"))) == .notFound)
        // What the account is comes before what the amount is.
        #expect(refusal(Account(), .deposit(amount: number("0.0001"))) == .notFound)
        #expect(
            refusal(account("0.00"), .open(owner: "B", initialBalance: number("0.0001"), currency: .usd))
                == .alreadyOpen)
    }

    @Test func `An amount finer than the currency is refused, never rounded`() {
        let detail = "expected at most 2 fractional digits, as USD has"
        let expected = AccountRefusal.invalidField(pointer: "/amount", detail: detail)
        #expect(refusal(account("100.00"), .deposit(amount: number("1.001"))) == expected)
        #expect(refusal(account("100.00"), .withdraw(amount: number("0.001"))) == expected)
        #expect(refusal(account("100.00"), .withdraw(amount: number("1000.001"))) == expected)
        #expect(refusal(account("100.00"), .deposit(amount: number("1.0100"))) == nil)
        #expect(
            refusal(account("100", currencies[0]), .deposit(amount: number("0.5")))
                == .invalidField(pointer: "/amount", detail: "expected no fractional digits, as JPY has none"))
        #expect(
            refusal(Account(), .open(owner: "A", initialBalance: number("1.001"), currency: .usd))
                == .invalidField(pointer: "/initial_balance", detail: detail))
        #expect(refusal(account("1.000", currencies[2]), .withdraw(amount: number("0.001"))) == nil)
        #expect(refusal(account("1.0000", currencies[3]), .withdraw(amount: number("0.0001"))) == nil)
    }

    @Test func `A movement is above zero, an opening not below`() {
        for (text, found) in [("0", "0.00"), ("-0.01", "-0.01"), ("-1e6", "-1000000.00")] {
            let expected = AccountRefusal.invalidField(
                pointer: "/amount", detail: "expected an amount greater than 0, found \(found)")
            #expect(refusal(account("100.00"), .deposit(amount: number(text))) == expected)
            #expect(refusal(account("100.00"), .withdraw(amount: number(text))) == expected)
        }
        #expect(refusal(Account(), .open(owner: "A", initialBalance: number("0"), currency: .usd)) == nil)
        #expect(
            refusal(Account(), .open(owner: "A", initialBalance: number("-0.01"), currency: .usd))
                == .invalidField(pointer: "/initial_balance", detail: "expected an amount of 0 or more, found -0.01"))
    }

    @Test(arguments: bounds)
    func `Amounts and balances end at 15 digits`(
        _ bound: (currency: Currency, largest: String, beyond: String, sum: String)
    ) throws {
        let currency = bound.currency
        func refused(at pointer: String) -> AccountRefusal {
            .amountOutOfRange(
                pointer: pointer, detail: "no amount and no balance in \(currency) may be beyond \(bound.largest)")
        }
        let unit = number("1e-\(currency.fractionDigits)")
        let zero = account(Money.zero(in: currency).description, currency)
        let almost = account(bound.sum, currency)
        let full = account(bound.largest, currency)

        #expect(refusal(Account(), .open(owner: "A", initialBalance: number(bound.largest), currency: currency)) == nil)
        #expect(refusal(zero, .deposit(amount: number(bound.largest))) == nil)
        #expect(refusal(almost, .deposit(amount: unit)) == nil)
        #expect(refusal(full, .withdraw(amount: number(bound.largest))) == nil)
        #expect(refusal(full, .deposit(amount: unit)) == refused(at: "/amount"))
        #expect(refusal(almost, .deposit(amount: number(bound.largest))) == refused(at: "/amount"))
        // One unit beyond; for JPY no number can hold it, which is tested with the numbers.
        guard currency.fractionDigits > 0 else { return }
        let beyond = number(bound.beyond)
        #expect(refusal(zero, .deposit(amount: beyond)) == refused(at: "/amount"))
        #expect(refusal(full, .withdraw(amount: beyond)) == refused(at: "/amount"))
        #expect(
            refusal(Account(), .open(owner: "A", initialBalance: beyond, currency: currency))
                == refused(at: "/initial_balance"))
    }

    static let impossible: [(String, AccountEvent)] = [
        ("a second opening", .opened(owner: "B", initialBalance: money("0.00"), currency: .usd)),
        ("fractional digits of USD", .deposited(amount: money("1"))),
        ("fractional digits of USD", .deposited(amount: money("1.000"))),
        ("fractional digits of USD", .withdrawn(amount: money("1.0"))),
        ("not above zero", .deposited(amount: money("0.00"))), ("not above zero", .withdrawn(amount: money("0.00"))),
        ("not above zero", .deposited(amount: money("-1.00"))), ("not above zero", .withdrawn(amount: money("-1.00"))),
        ("below zero", .withdrawn(amount: money("100.01"))),
        ("beyond 9999999999999.99", .deposited(amount: money("9999999999900.00"))),
    ]

    @Test(arguments: impossible)
    func `An event that cannot have happened changes nothing`(_ reason: String, _ event: AccountEvent) {
        let before = account("100.00")
        var account = before
        let error = #expect(throws: ImpossibleEvent.self) { try account.apply(event) }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(account == before)
    }

    @Test func `Nothing but a proper opening can come first`() {
        let events: [AccountEvent] = [
            .deposited(amount: money("1.00")), .withdrawn(amount: money("1.00")),
            .opened(owner: "A", initialBalance: money("1"), currency: .usd),
            .opened(owner: "A", initialBalance: money("-0.01"), currency: .usd),
            .opened(owner: "A", initialBalance: money("0.00"), currency: currencies[0]),
        ]
        for event in events {
            var account = Account()
            #expect(throws: ImpossibleEvent.self) { try account.apply(event) }
            #expect(account == Account())
        }
    }

    @Test func `A refusal is told in a sentence`() {
        let refusal = AccountRefusal.insufficientFunds(
            available: money("100.00"), requested: money("100.01"), shortfall: money("0.01"), currency: .usd)
        #expect(refusal.description == "100.01 USD requested, 100.00 available, 0.01 short")
        #expect(AccountRefusal.invalidField(pointer: "/amount", detail: "no").description == "/amount: no")
    }
}
