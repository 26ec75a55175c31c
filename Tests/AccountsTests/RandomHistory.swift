import Accounts
import EventSourcing
import TestSupport

/// A history of random commands of every kind over some accounts of two currencies, with time passing between.
struct RandomHistory {
    private(set) var ledger = TestLedger()
    private(set) var generator: SeededGenerator
    private var holds = 0
    let names: [String]

    /// All records in the order of their positions.
    var records: [RecordedEvent] { ledger.histories.values.flatMap { $0 }.sorted { $0.position < $1.position } }

    init(seed: UInt64, steps: Int, names: [String] = (0..<6).map { "acc-\($0)" }) throws {
        self.names = names
        generator = SeededGenerator(seed: seed)
        for (index, name) in names.enumerated() {
            try ledger.open(
                name, "\(below(5000))", index % 3 == 0 ? "JPY" : "USD", overdraft: index == 1 ? "100" : nil)
            pass()
        }
        for _ in 0..<steps {
            let name = names[below(names.count)]
            let command = command(on: name)
            // What is refused records nothing.
            if ledger.refusal(command, on: name) == nil { try ledger.execute(command, on: name) }
            pass()
        }
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    private mutating func pass() {
        ledger.time = Timestamp(microseconds: ledger.time.microseconds + Int64(1 + below(2_000_000)))
    }

    private mutating func command(on name: String) -> AccountCommand {
        let amount = number("\(1 + below(400))")
        let other = TestLedger.stream(names[below(names.count)])
        let open = ledger.account(name).openHolds
        switch below(14) {
        case 0, 1: return .deposit(amount: amount)
        case 2: return .withdraw(amount: amount)
        case 3, 4, 5: return .transfer(to: other, amount: amount)
        case 6, 7, 8:
            holds += 1
            let expiry = below(3) == 0 ? nil : HoldExpiry.at(later(Int64(below(20_000_000))))
            return .placeHold(hold: hold("h-\(holds)"), amount: amount, expiry: expiry)
        case 9, 10:
            guard !open.isEmpty else { return .deposit(amount: amount) }
            let chosen = open[below(open.count)]
            return .captureHold(
                hold: chosen.hold, amount: below(2) == 0 ? nil : number("1"), to: below(2) == 0 ? nil : other)
        case 11: return open.isEmpty ? .deposit(amount: amount) : .releaseHold(hold: open[below(open.count)].hold)
        default: return .reverse(version: UInt64(1 + below(Int(ledger.revision(name).version))), reason: "a mistake")
        }
    }

    private func later(_ microseconds: Int64) -> Timestamp {
        Timestamp(microseconds: ledger.time.microseconds + 1 + microseconds)
    }
}
