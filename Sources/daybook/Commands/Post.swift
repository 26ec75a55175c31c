internal import ArgumentParser
internal import EventSourcing
internal import Glibc
internal import JSON
internal import ServiceSupport

struct Post: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends a command to an account, and shows the account after it.",
        usage: "daybook post ACCOUNT COMMAND [options]",
        discussion: """
            A command is one of --open, --deposit, --withdraw, --transfer-to, --hold, --capture, --release, --set-overdraft \
            and --set-maximum-balance (one of them or both), --freeze, --unfreeze, --close and --reverse. Amounts are decimals \
            in the account's currency.

            Every command has an Idempotency-Key, under which it is executed once. One that is made here is printed before the \
            command is sent; whoever repeats the command with --key and that key gets the first outcome again.

            Examples:
              daybook post acc-001 --open Alice --initial-balance 1000
              daybook post acc-001 --deposit 5 --reference invoice-17
              daybook post acc-001 --transfer-to acc-002 --amount 20
              daybook post acc-001 --hold h-1 --amount 50 --expires-in 7d
              daybook post acc-001 --capture h-1 --amount 30 --to acc-002
              daybook post acc-001 --set-overdraft 100
              daybook post acc-001 --set-overdraft none
              daybook post acc-001 --freeze debits --reason 'a lost card'
              daybook post acc-001 --reverse 2 --reason 'paid twice' --if-match 7
            """)

    @Argument(help: "The account's id.") var account: String
    @OptionGroup var command: CommandOptions
    @Option(help: "The key under which it is executed once; else one is made and printed.") var key: String?
    @Option(help: "Execute it only at this version of the account.") var ifMatch: UInt64?
    @Option(help: "What it belongs to, by a name of your own; recorded with its events.") var correlationId: String?
    @Option(help: "What it is sent because of, by a name of your own; recorded as well.") var causationId: String?
    @Flag(help: "As a JSON object.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func validate() throws {
        try requireVisible(key, "--key", maxLength: 255)
        try requireVisible(correlationId, "--correlation-id", maxLength: 128)
        try requireVisible(causationId, "--causation-id", maxLength: 128)
    }

    func run() async throws {
        let connection = try await gateway.connection()
        let key = key ?? UniqueID.version7(at: .now()).description
        if self.key == nil { Terminal.tell("daybook: the command's key is \(key)") }
        var headers = [("Idempotency-Key", key)]
        if let ifMatch { headers.append(("If-Match", "\"\(ifMatch)\"")) }
        if let correlationId { headers.append(("Daybook-Correlation-Id", correlationId)) }
        if let causationId { headers.append(("Daybook-Causation-Id", causationId)) }
        var writer = JSONWriter()
        writer.value(.object(try command.members()))
        let answer: HTTPConnection.Answer
        do {
            answer = try await connection.post(
                "/accounts/\(PercentEncoding.applied(to: account))", body: writer.bytes, headers: headers)
        } catch {
            tellHowToRepeat(key)
            throw error
        }
        guard answer.status == 200 || answer.status == 201 else {
            if answer.isReplayed { tellOfReplay() }
            let code = connection.refusal(answer)
            // Nothing else leaves the outcome open.
            if answer.status >= 500 || answer.body["type"]?.text == "/problems/command-in-progress" {
                tellHowToRepeat(key)
            }
            throw code
        }
        if answer.isReplayed { tellOfReplay() }
        if json { JSONOutput.line(answer.body) } else { MemberLines.print(answer.body) }
    }

    private func tellHowToRepeat(_ key: String) {
        Terminal.tell("daybook: repeat the command with --key \(key): it is executed once")
    }

    private func tellOfReplay() {
        Terminal.tell("daybook: a command with this key was answered before; this is that answer")
    }

    /// What stands in a header field must not end it.
    private func requireVisible(_ text: String?, _ flag: String, maxLength: Int) throws {
        guard let text else { return }
        guard 1...maxLength ~= text.utf8.count, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ValidationError("\(flag) is “\(text)”: expected 1 to \(maxLength) visible ASCII characters")
        }
    }
}
