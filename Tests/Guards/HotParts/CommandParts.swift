internal import Accounts
internal import AccountsHTTP
internal import CommandService
internal import EventSourcing
internal import JSON

/// What the gateway does with a command besides sending it on.
enum CommandParts {
    static let all = [parseCommand, parseBulkLine, decide, render]

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

    /// A command as events to append, and their commit as the account after them.
    private static let decide = HotPart("decide") { count in
        var pipeline = AggregatePipeline(at: try Samples.account())
        let deposit = AccountCommand.deposit(amount: try DecimalNumber("12.5"))
        for index in 0..<count {
            let decision = try pipeline.decide(deposit, makeID: { Samples.id(UInt64(index)) })
            guard case .append(let ticket, let write) = decision else { throw WrongResult(part: "decide") }
            use(write)
            use(try pipeline.committed(ticket, Samples.commit))
        }
        guard pipeline.confirmed.version == UInt64(count) + 2 else { throw WrongResult(part: "decide") }
    }

    /// An account as the body of an answer.
    private static let render = HotPart("render") { count in
        let domain = AccountCommands()
        let account = try Samples.account()
        for _ in 0..<count {
            var writer = JSONWriter()
            domain.write(account, to: &writer, amounts: .number)
            use(writer.bytes)
        }
    }
}
