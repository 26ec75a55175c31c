internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists events of the whole log, or of one account, oldest first.",
        discussion:
            "Examples:\n  daybook events --account acc-001\n  daybook events --type MoneyWithdrawn --after 1000 "
            + "--limit 50\n  daybook events --json | jq -s 'map(.amount // 0) | add'")

    @Option(help: "Only this account's.") var account: String?
    @Option(help: "Only of this type.") var type: String?
    @Option(help: "Only after this position.") var after: UInt64 = 0
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One JSON object an event.") var json = false

    func run() async throws {
        let connection = HTTPConnection(address: try await Settings().command)
        var path: String? = "/events?after=\(after)&limit=\(min(limit ?? 10_000, 10_000))"
        if let account { path? += "&account=\(PercentEncoding.applied(to: account))" }
        if let type { path? += "&type=\(PercentEncoding.applied(to: type))" }
        var left = max(0, limit ?? .max)
        while let page = path, left > 0 {
            let answer = try await connection.expect(page)
            guard case .array(let events) = answer.body else { return }
            for event in events.prefix(left) {
                if json { JSONOutput.line(event) } else { Terminal.line(EventLines.line(event)) }
            }
            left -= events.count
            path = answer.next
        }
    }
}
