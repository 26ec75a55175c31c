internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists events of the whole log, or of one account, oldest first.",
        usage: "daybook events [options]",
        discussion: """
            Examples:
              daybook events --account acc-001
              daybook events --type MoneyWithdrawn --after 1000 --limit 50
              daybook events --correlation-id order-7
              daybook events --json | jq -s 'map(.amount // 0) | add'
            """)

    @Option(help: "Only this account's.") var account: String?
    @Option(help: "Only of this type.") var type: String?
    @Option(help: "Only of commands with this correlation id.") var correlationId: String?
    @Option(help: "Only after this position.") var after: UInt64 = 0
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One JSON object an event.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func validate() throws { try requirePositive(limit) }

    func run() async throws {
        var path = "/events?after=\(after)&limit=\(min(limit ?? 10_000, 10_000))"
        if let account { path += "&account=\(PercentEncoding.applied(to: account))" }
        if let type { path += "&type=\(PercentEncoding.applied(to: type))" }
        if let correlationId { path += "&correlation_id=\(PercentEncoding.applied(to: correlationId))" }
        var left = limit ?? .max
        var pages = Pages(try await gateway.connection(), path)
        while left > 0, let events = try await pages.next() {
            for event in events.prefix(left) {
                if json { JSONOutput.line(event) } else { Terminal.line(EventLines.line(event)) }
            }
            left -= events.count
        }
    }
}

/// Refuses a `--limit` below 1.
func requirePositive(_ limit: Int?) throws {
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
}
