internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows an account, as it is or as it was.",
        usage: "daybook show ACCOUNT [--version VERSION | --at TIME] [options]",
        discussion: """
            A time is one of RFC 3339, a date (its first moment, UTC), or as long ago as 90s, 10m, 1h, 2d or 1w.

            Examples:
              daybook show acc-001
              daybook show acc-001 --version 2
              daybook show acc-001 --at 2026-01-02T03:04:05Z
              daybook show acc-001 --at '1h ago'
            """)

    @Argument(help: "The account's id.") var account: String
    @Option(help: "As it was at a version.") var version: UInt64?
    @Option(help: "As it was at a time.") var at: String?
    @Flag(help: "As a JSON object.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func validate() throws {
        if version != nil, at != nil { throw ValidationError("--version and --at cannot stand together") }
    }

    func run() async throws {
        var path = "/accounts/\(PercentEncoding.applied(to: account))"
        if let version { path += "?version=\(version)" }
        if let at { path += "?at=\(PercentEncoding.applied(to: TimeArgument.rfc3339(at)))" }
        let answer = try await gateway.connection().expect(path)
        guard !json else { return JSONOutput.line(answer.body) }
        guard case .object(let members) = answer.body else { return }
        let width = members.reduce(0) { max($0, PrintableText($1.name).count) }
        for member in members {
            let name = PrintableText(member.name)
            let space = String(repeating: " ", count: width - name.count)
            Terminal.line("\(Terminal.coloured(member.name, .faint))\(space)  \(member.value.text)")
        }
    }
}
