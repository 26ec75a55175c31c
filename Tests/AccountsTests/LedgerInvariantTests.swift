import Accounts
import EventSourcing
import JSON
import Testing

/// The invariants of accounts on random histories of all commands, with time passing over the ends of holds. A failure
/// names its seed.
@Suite struct LedgerInvariantTests {
    private static let seeds = 0..<40 as Range<UInt64>
    private static let steps = 200

    /// What a step did.
    struct Step {
        let before: TestLedger
        let after: TestLedger
        let name: String
        let command: AccountCommand
        /// The events of the account that the command was sent to; nil if it was refused.
        let events: [AccountEvent]?
        let refusal: AccountRefusal?

        var account: Account { after.account(name) }
    }

    /// Executes random commands, and gives each step to `check`. That all decisions can be recorded is checked here.
    private static func live(_ seed: UInt64, check: (Step) throws -> Void) throws {
        var random = RandomCommands(seed: seed)
        for _ in 0..<steps {
            random.passTime()
            let before = random.ledger
            let (name, command) = random.next()
            let refusal = before.refusal(command, on: name)
            let events = refusal == nil ? try random.execute(command, on: name) : nil
            try check(
                Step(
                    before: before, after: random.ledger, name: name, command: command, events: events,
                    refusal: refusal))
        }
    }

    @Test(arguments: seeds)
    func `I6: money is conserved over every append`(_ seed: UInt64) throws {
        var executed = 0
        try Self.live(seed) { step in
            guard let event = step.events?.last else { return }
            executed += 1
            for currency in ["USD", "JPY"] {
                func sum(_ ledger: TestLedger) -> Int64 {
                    ledger.names.map { ledger.account($0) }.filter { $0.currency.code == currency }
                        .reduce(0) { $0 + $1.balance.minorUnits }
                }
                let isOwn = step.account.currency.code == currency
                let expected = isOwn ? try Self.change(by: step.command, event, step) : 0
                #expect(sum(step.after) - sum(step.before) == expected, "\(step.command)")
            }
        }
        #expect(executed > 20)
    }

    @Test(arguments: seeds)
    func `both sides of a transfer name each other, the same amount and the id of the sender's event`(
        _ seed: UInt64
    ) throws {
        var ledger = TestLedger()
        try Self.live(seed) { ledger = $0.after }
        for name in ledger.names {
            for (version, event) in zip(UInt64(1)..., ledger.events(name)) {
                guard case .sent(let sent) = event else { continue }
                let other = sent.counterparty.name
                let there = ledger.events(other)[Int(sent.counterpartyVersion) - 1]
                #expect(
                    there
                        == .received(
                            TransferSide(
                                amount: sent.amount, counterparty: TestLedger.stream(name),
                                counterpartyVersion: version, transfer: sent.transfer, details: sent.details)))
                #expect(ledger.histories[name]?[Int(version) - 1].event.id == sent.transfer)
                #expect(
                    ledger.account(name).reversal(of: version).map { _ in true }
                        == ledger.account(other).reversal(of: sent.counterpartyVersion).map { _ in true })
            }
        }
    }

    /// What a command brings into the ledger or takes out of it, told from the command and what it refers to.
    private static func change(
        by command: AccountCommand, _ event: AccountEvent, _ step: Step
    ) throws -> Int64 {
        func units(_ number: DecimalNumber) throws -> Int64 { try number.money(in: step.account.currency).minorUnits }
        switch command {
        case .open(_, let amount, _, _, _): return try units(amount)
        case .deposit(let amount, _): return try units(amount)
        case .withdraw(let amount, _): return try -units(amount)
        case .captureHold(let hold, let amount, nil, _):
            let held = step.before.account(step.name).openHolds.first { $0.hold == hold }?.amount.minorUnits ?? 0
            return try -(amount.map(units) ?? held)
        case .reverse(let version, _, _):
            switch step.before.events(step.name)[Int(version) - 1] {
            case .deposited(let amount, _): return -amount.minorUnits
            case .withdrawn(let amount, _): return amount.minorUnits
            case .sent, .received: return 0
            default: throw AccountRefusal.notReversible(version: version)
            }
        default: return 0
        }
    }

    @Test(arguments: seeds)
    func `I6: held and available are what the open holds and limits make them, at every moment`(_ seed: UInt64) throws {
        try Self.live(seed) { step in
            for name in step.after.names {
                let account = step.after.account(name)
                for wait in [0, 1, 30, 1000] as [Int64] {
                    let time = Timestamp(microseconds: step.after.time.microseconds + wait * 1_000_000)
                    let held = Self.holds(step.after.events(name)).values.reduce(Int64(0)) { sum, hold in
                        hold.expiresAt.map { $0 <= time } ?? false ? sum : sum + hold.units
                    }
                    #expect(account.held(at: time).minorUnits == held)
                    let overdraft = account.overdraft?.minorUnits ?? 0
                    #expect(
                        account.available(at: time).minorUnits == account.balance.minorUnits - held + overdraft)
                    #expect(account.openHolds(at: time, limit: .max).reduce(0) { $0 + $1.amount.minorUnits } == held)
                    #expect(
                        account.openHolds(at: time, limit: .max).count + account.expiredHolds(at: time)
                            == account.openHolds.count)
                }
            }
        }
    }

    /// The holds that a history leaves open, by nothing but its events.
    private static func holds(_ events: [AccountEvent]) -> [HoldID: (units: Int64, expiresAt: Timestamp?)] {
        events.reduce(into: [:]) { holds, event in
            switch event {
            case .holdPlaced(let hold, let amount, let expiresAt, _): holds[hold] = (amount.minorUnits, expiresAt)
            case .holdCaptured(let capture): holds[capture.hold] = nil
            case .holdReleased(let hold, _), .holdExpired(let hold, _): holds[hold] = nil
            default: break
            }
        }
    }

    @Test(arguments: seeds)
    func `I6: no command that is executed breaks a limit, a freeze or a closing`(_ seed: UInt64) throws {
        try Self.live(seed) { step in
            guard step.events != nil else { return }
            let time = step.after.time
            for name in step.after.names {
                let (before, after) = (step.before.account(name), step.after.account(name))
                let change = after.balance.minorUnits - before.balance.minorUnits
                let available = after.available(at: time).minorUnits
                var isCapture = false
                if case .captureHold = step.command { isCapture = name == step.name }
                if before.status == .closed { #expect(after == before) }
                guard before.status == .open else { continue }
                if change < 0, !isCapture {
                    #expect(available >= 0, "\(step.command)")
                    #expect(before.frozen?.direction ?? .credits == .credits)
                }
                if isCapture {
                    // What was held and not taken is available again.
                    #expect(available >= before.available(at: time).minorUnits)
                }
                if change > 0 {
                    #expect(before.frozen?.direction ?? .debits == .debits)
                    #expect(before.maximumBalance.map { after.balance <= $0 } ?? true)
                }
                if case .placeHold = step.command, name == step.name {
                    #expect(after.balance >= after.held(at: time))
                    #expect(before.frozen?.direction ?? .credits == .credits)
                }
                if after.status == .closed {
                    #expect(after.balance.minorUnits == 0 && after.openHolds.isEmpty)
                }
            }
        }
    }

    @Test(arguments: seeds)
    func `I5: fold, snapshot and state agree at every step, and a hold that is due is recorded by the next command`(
        _ seed: UInt64
    ) throws {
        try Self.live(seed) { step in
            for name in step.after.names where step.after.revision(name) != step.before.revision(name) {
                let revision = step.after.revision(name)
                #expect(revision.state.expiredHolds(at: step.after.time) == 0)
                let snapshot = try #require(revision.snapshot)
                let back = try Revision<Account>(snapshot)
                #expect(back == revision)
                #expect(back.state.snapshotState == snapshot.state)
                #expect(back.state.leastSnapshotSize <= snapshot.state.count)
                try JSONReader.validate(snapshot.state, requireObject: true)
                // Gone on with from the snapshot before, it is the same.
                var resumed = try Account(snapshotState: step.before.account(name).snapshotState)
                for event in step.after.events(name).dropFirst(step.before.events(name).count) {
                    try resumed.apply(event)
                }
                #expect(resumed == revision.state)
            }
            if step.events == nil { #expect(step.after.position == step.before.position) }
        }
        var random = RandomCommands(seed: seed)
        for _ in 0..<Self.steps {
            random.passTime()
            let (name, command) = random.next()
            _ = try? random.execute(command, on: name)
        }
        for (name, history) in random.ledger.histories {
            let folded = try Revision<Account>(of: TestLedger.stream(name), folding: history)
            #expect(folded == random.ledger.revision(name))
        }
    }

    @Test func `random histories reach every event and most refusals`() throws {
        var types: Set<String> = []
        var refusals: Set<String> = []
        var executed = 0
        for seed in Self.seeds {
            try Self.live(seed) { step in
                executed += step.events == nil ? 0 : 1
                for event in step.events ?? [] { types.insert(event.type) }
                if step.events != nil, let event = step.after.histories["b"]?.last { types.insert(event.type) }
                if let refusal = step.refusal {
                    // The name of a case with figures; those without have a sentence.
                    refusals.insert(Mirror(reflecting: refusal).children.first?.label ?? refusal.description)
                }
            }
        }
        #expect(types == Set(AccountEvent.types))
        #expect(
            refusals.isSuperset(of: [
                "insufficientFunds", "invalidField", "limitExceeded", "currencyMismatch",
                "holdNotFound", "holdExists", "holdResolved", "eventNotFound", "notReversible", "alreadyReversed",
                "frozen", "counterparty", "the account is open already", "the account is not frozen",
                "the account is closed", "an account cannot be its own counterparty",
            ]), "\(refusals)")
        #expect(executed > 2500)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `an event that is recorded twice, or on another account, is impossible or still keeps all bounds`(
        _ seed: UInt64
    ) throws {
        var random = RandomCommands(seed: seed)
        for _ in 0..<150 {
            random.passTime()
            let (name, command) = random.next()
            _ = try? random.execute(command, on: name)
            for target in RandomCommands.names {
                guard let event = random.ledger.events(name).last else { continue }
                var account = random.ledger.account(target)
                let before = account
                do {
                    try account.apply(event)
                } catch {
                    #expect(account == before)
                    continue
                }
                let largest = Money.largestMinorUnits
                #expect((-largest...largest).contains(account.balance.minorUnits))
                #expect(account.balance.minorUnits >= 0 || account.overdraft != nil || before.balance.minorUnits < 0)
                #expect(try Account(snapshotState: account.snapshotState) == account)
            }
        }
    }
}
