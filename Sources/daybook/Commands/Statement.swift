internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Statement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The statement of an account: every movement of money between two times.",
        usage: "daybook statement ACCOUNT [--from TIME] [--to TIME] [options]",
        discussion: """
            Opening balance + credits - debits = closing balance. It begins with --from and ends before --to; without them it \
            is the whole history until now. A time is one of RFC 3339, a date (its first moment, UTC), or as long ago as 90s, \
            10m, 1h, 2d or 1w.

            With --csv it is RFC 4180 with a header row. Characters that could steer a terminal come as \\u{1B} and the like.

            Examples:
              daybook statement acc-001
              daybook statement acc-001 --from 2026-01-01 --to 2026-02-01
              daybook statement acc-001 --from 2026-01-01 --csv
            """)

    @Argument(help: "The account's id.") var account: String
    @Option(help: "From this time on.") var from: String?
    @Option(help: "Only before this time.") var to: String?
    @Flag(help: "As CSV.") var csv = false
    @Flag(help: "As a JSON object.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func validate() throws {
        if csv, json { throw ValidationError("--csv and --json cannot stand together") }
    }

    func run() async throws {
        let times = [("from", from), ("to", to)].compactMap { name, text in
            text.map { "\(name)=\(PercentEncoding.applied(to: TimeArgument.rfc3339($0)))" }
        }
        let query = times.isEmpty ? "" : "?" + times.joined(separator: "&")
        let path = "/accounts/\(PercentEncoding.applied(to: account))/statement\(query)"
        let connection = try await gateway.connection()
        if csv {
            return Terminal.write(CSVOutput.printable(try await connection.bytes(path, of: "text/csv")))
        }
        let statement = try await connection.expect(path).body
        if json { return JSONOutput.line(statement) }
        guard case .object(let members) = statement else { return }
        MemberLines.print(.object(members.filter { $0.name != "entries" }))
        guard case .array(let entries)? = statement["entries"], !entries.isEmpty else { return }
        Terminal.line("")
        var table = Table(
            ("TIME", .left), ("VERSION", .right), ("TYPE", .left), ("AMOUNT", .right), ("BALANCE", .right),
            ("COUNTERPARTY", .left), ("REFERENCE", .left), ("EFFECTIVE", .left), ("DESCRIPTION", .left))
        for entry in entries {
            func text(_ name: String) -> String { entry[name]?.text ?? "" }
            table.add(
                (text("time"), .faint), (text("version"), .faint), (text("type"), .bold),
                (text("amount"), text("amount").hasPrefix("-") ? .red : .green), (text("balance"), nil),
                (text("counterparty"), nil), (text("reference"), nil), (text("effective_at"), .faint),
                (text("description"), nil))
        }
        table.print()
    }
}
