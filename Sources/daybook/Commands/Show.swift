internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows an account, as it is or as it was.",
        discussion: "Examples:\n  daybook show acc-001\n  daybook show acc-001 --version 2\n"
            + "  daybook show acc-001 --at 2026-01-02T03:04:05Z")

    @Argument(help: "The account's id.") var account: String
    @Option(help: "As it was at a version.") var version: UInt64?
    @Option(help: "As it was at a time of RFC 3339.") var at: String?
    @Flag(help: "As a JSON object.") var json = false

    func validate() throws {
        if version != nil, at != nil { throw ValidationError("--version and --at cannot stand together") }
    }

    func run() async throws {
        let connection = HTTPConnection(address: try await Settings().command)
        var path = "/accounts/\(PercentEncoding.applied(to: account))"
        if let version { path += "?version=\(version)" }
        if let at { path += "?at=\(PercentEncoding.applied(to: at))" }
        let answer = try await connection.expect(path)
        guard !json else { return JSONOutput.line(answer.body) }
        guard case .object(let members) = answer.body else { return }
        let width = members.reduce(0) { max($0, $1.name.count) }
        for member in members {
            let space = String(repeating: " ", count: width - member.name.count)
            Terminal.line(Terminal.coloured(member.name, .faint) + space + "  " + member.value.text)
        }
    }
}
