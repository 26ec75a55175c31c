internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows an account, as it is or as it was, and the event that made it so.",
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
        let connection = try await gateway.connection()
        let answer = try await connection.expect(path)
        let lastEvent = try await lastEvent(of: answer.body, connection)
        guard !json else { return JSONOutput.line(adding(lastEvent, to: answer.body)) }
        MemberLines.print(answer.body)
        guard let lastEvent else { return }
        Terminal.line("")
        Terminal.line(Terminal.coloured("last event", .bold))
        MemberLines.print(lastEvent)
    }

    /// The event that led to the version that is shown, with what was recorded about it.
    private func lastEvent(of body: JSONValue, _ connection: HTTPConnection) async throws -> JSONValue? {
        guard let version = body["version"]?.integer, version > 0 else { return nil }
        let path = "/accounts/\(PercentEncoding.applied(to: account))/events?after_version=\(version - 1)&limit=1"
        guard case .array(let events) = try await connection.expect(path).body else { return nil }
        return events.first
    }

    private func adding(_ event: JSONValue?, to body: JSONValue) -> JSONValue {
        guard let event, case .object(let members) = body else { return body }
        return .object(members + [JSONValue.Member(name: "last_event", value: event)])
    }
}
