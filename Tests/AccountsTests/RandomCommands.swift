import Accounts
import EventSourcing
import TestSupport

/// Random commands on a few accounts of two currencies, while time passes.
struct RandomCommands {
    static let names = ["a", "b", "c", "y", "z"]

    private(set) var ledger = TestLedger()
    private var generator: SeededGenerator
    private var holds = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    /// Lets time pass, often none, sometimes just to the moment at which a hold expires.
    mutating func passTime() {
        let next = Self.names.flatMap { ledger.account($0).openHolds }.compactMap(\.expiresAt).filter {
            $0 > ledger.time
        }.min()
        switch below(10) {
        case 0: ledger.time = next ?? ledger.time
        case 1: ledger.wait(Int64(below(40)))
        default: break
        }
    }

    /// The next command, and the account that it is sent to; often one that is refused.
    mutating func next() -> (name: String, command: AccountCommand) {
        let name = Self.names[below(Self.names.count)]
        guard ledger.account(name).status != .absent else { return (name, opening(name)) }
        let command: AccountCommand
        let (balance, isEmpty) = (ledger.account(name).balance, ledger.account(name).openHolds.isEmpty)
        if balance.minorUnits == 0, isEmpty, below(4) == 0 { return (name, .close(reason: "c")) }
        if balance.minorUnits > 0, isEmpty, below(50) == 0 {
            return (name, .withdraw(amount: DecimalNumber(balance)))
        }
        switch below(100) {
        case 0..<15: command = .deposit(amount: amount(), details: details())
        case 15..<28: command = .withdraw(amount: amount(), details: details())
        case 28..<44: command = .transfer(to: other(), amount: amount(), details: details())
        case 44..<58: command = placing(name)
        case 58..<70:
            command = .captureHold(
                hold: hold(name), amount: below(2) == 0 ? nil : amount(), to: below(2) == 0 ? nil : other(),
                details: details())
        case 70..<75: command = .releaseHold(hold: hold(name))
        case 75..<85:
            let version = ledger.revision(name).version
            command = .reverse(
                version: UInt64(1 + below(Int(version) + 1)), reason: "r", details: details())
        case 85..<91: command = .setLimits(overdraft: limit(50), maximumBalance: limit(800))
        case 91..<94:
            command = .freeze(direction: AccountFreeze.Direction.allCases[below(3)], reason: "f\(below(3))")
        case 94..<98: command = .unfreeze(reason: "u")
        case 98: command = .close(reason: "c")
        default: command = opening(name)
        }
        return (name, command)
    }

    mutating func execute(_ command: AccountCommand, on name: String) throws -> [AccountEvent] {
        try ledger.execute(command, on: name)
    }

    private mutating func opening(_ name: String) -> AccountCommand {
        .open(
            owner: "owner of \(name)", initialBalance: whole(300), currency: Currency(name < "y" ? "USD" : "JPY")!,
            overdraft: below(2) == 0 ? nil : whole(100), maximumBalance: below(3) == 0 ? whole(1000) : nil)
    }

    private mutating func placing(_ name: String) -> AccountCommand {
        holds += 1
        // Now and then a name that was used before.
        let id = below(10) == 0 ? hold(name) : AccountsTests.hold("h\(holds)")
        let expiry: HoldExpiry?
        switch below(4) {
        case 0: expiry = nil
        case 1: expiry = .at(Timestamp(microseconds: ledger.time.microseconds + Int64(below(30_000_000))))
        default: expiry = .after(seconds: Int64(1 + below(60)))
        }
        return .placeHold(hold: id, amount: amount(), expiry: expiry, details: details())
    }

    /// A hold of the account, mostly an open one.
    private mutating func hold(_ name: String) -> HoldID {
        let open = ledger.account(name).openHolds
        if open.isEmpty || below(8) == 0 { return AccountsTests.hold("h\(below(holds + 2))") }
        return open[below(open.count)].hold
    }

    private mutating func other() -> StreamID {
        below(20) == 0 ? TestLedger.stream("none") : TestLedger.stream(Self.names[below(Self.names.count)])
    }

    /// Now and then both limits stay as they are, which is no command.
    private mutating func limit(_ bound: Int) -> LimitChange<DecimalNumber> {
        switch below(4) {
        case 0: .removed
        case 1, 2: .set(whole(bound))
        default: .unchanged
        }
    }

    private mutating func whole(_ bound: Int) -> DecimalNumber { number(String(below(bound))) }

    /// Mostly whole, so that it is an amount in both currencies.
    private mutating func amount() -> DecimalNumber {
        below(6) == 0 ? number("\(1 + below(90)).5") : number(String(1 + below(90)))
    }

    private mutating func details() -> MovementDetails {
        switch below(4) {
        case 0: MovementDetails(reference: "R\(below(9))", effectiveAt: CalendarDate("2024-02-29"))
        case 1: MovementDetails(description: "\"\u{1}é\"")
        default: .none
        }
    }
}
