internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Tail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the newest events, and with --follow those that come.",
        usage: "daybook tail [-n LINES] [--follow] [options]",
        discussion: """
            Follows over interruptions, without leaving an event out or showing one twice. If the log was restored from a \
            backup, so that what was shown is not its history any more, it ends with exit code 1.

            Examples:
              daybook tail -n 100
              daybook tail --follow --json | jq .amount
              daybook tail -n 0 --follow   # only what comes
            """)

    @Option(name: [.customShort("n"), .long], help: "So many of the newest.") var lines: UInt64 = 20
    @Flag(name: .shortAndLong, help: "Go on with what comes, until interrupted.") var follow = false
    @Flag(help: "One JSON object an event.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func run() async throws {
        let connection = try await gateway.connection()
        guard let head = try await connection.expect("/events?after=now").position else { throw ExitCode.failure }
        let start = head - min(head, lines)
        if follow {
            var feed = EventFeed(connection, lines == 0 ? "/events?after=now" : "/events?after=\(start)")
            try await feed.follow(show)
        }
        guard start < head else { return }
        var pages = Pages(connection, "/events?after=\(start)&limit=10000")
        while let page = try await pages.next() {
            for event in page {
                guard let position = event["position"]?.integer, position <= head else { return }
                show(event)
            }
        }
    }

    private func show(_ event: JSONValue) {
        if json { JSONOutput.line(event) } else { Terminal.line(EventLines.line(event)) }
    }
}
