internal import Accounts
internal import AccountsHTTP
internal import CommandService
internal import EventSourcing
internal import JSON

/// What the gateway does with a command besides sending it on.
enum CommandParts {
    static let all = [parseCommand, parseBulkLine, decide, execute, render]

    /// The body of a request as a command.
    private static let parseCommand = HotPart("parse-command") { count in
        let domain = AccountCommands()
        let body = Array(#"{"type": "Deposit", "amount": 12.5}"#.utf8)
        for _ in 0..<count { use(try domain.command(from: body)) }
    }

    /// A line of many commands as one.
    private static let parseBulkLine = HotPart("parse-bulk-line") { count in
        let domain = AccountCommands()
        let line = Array(#"{"account":"acc-1","type":"Deposit","amount":12.5}"#.utf8)
        for _ in 0..<count { use(try domain.bulkCommand(from: line)) }
    }

    /// A command as an event to append, taken into the state that stands on it, and after its commit into the confirmed one.
    private static let decide = HotPart("decide") { count in
        var confirmed = try Samples.account()
        var newest = confirmed
        let deposit = AccountCommand.deposit(amount: try DecimalNumber("12.5"))
        for index in 0..<count {
            let id = Samples.id(UInt64(index))
            let context = DecisionContext(newest, at: Samples.time, eventID: id)
            for event in try Account.decide(deposit, in: context).events {
                use(NewEvent(id: id, type: event.type, schemaVersion: event.schemaVersion, data: event.encoded()))
                try newest.apply(event, id: id, recordedAt: Samples.time)
                try confirmed.apply(event, id: id, recordedAt: Samples.commit.recordedAt)
            }
        }
        guard confirmed == newest, confirmed.version == UInt64(count) + 2 else { throw WrongResult(part: "decide") }
    }

    /// The same command on its whole way through the machine: an append to send, and after its commit the answer.
    private static let execute = HotPart("execute") { count in
        var machine = CommandMachine<Account, Int, Numbers>(
            limits: CommandLimits(cachedAggregates: 10), snapshots: SnapshotPolicy(interval: 0), random: Numbers())
        let order = CommandOrder<Account>(
            .deposit(amount: try DecimalNumber("12.5")), on: Samples.stream, recordOfRefusal: { _ in nil })
        let now = CommandMoment(instant: .now, time: Samples.time)
        machine.take(order, for: 0, at: now)
        guard case .load(let slot) = machine.nextAction() else { throw WrongResult(part: "execute") }
        machine.loaded(slot, .success(try Samples.account()), at: now)
        var answered = 0
        for _ in 0...count {
            while let action = machine.nextAction() {
                switch action {
                case .append(let append):
                    use(append.request)
                    machine.appended(append, .success(.committed(Samples.commit)), at: now)
                case .answer(_, let outcome):
                    use(outcome)
                    answered += 1
                default: throw WrongResult(part: "execute")
                }
            }
            machine.take(order, for: 0, at: now)
        }
        guard answered == count + 1 else { throw WrongResult(part: "execute") }
    }

    /// Any numbers will do.
    private struct Numbers: RandomNumberGenerator {
        private var last: UInt64 = 0

        mutating func next() -> UInt64 {
            last += 1
            return last
        }
    }

    /// An account as the body of an answer.
    private static let render = HotPart("render") { count in
        let domain = AccountCommands()
        let account = try Samples.account()
        let deposit = AccountCommand.deposit(amount: try DecimalNumber("12.5"))
        for _ in 0..<count {
            var writer = JSONWriter()
            domain.write(account, answering: deposit, to: &writer, amounts: .number)
            use(writer.bytes)
        }
    }
}
