internal import ArgumentParser
internal import JSON

struct Tail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the newest events, and with --follow those that come.",
        discussion: "Follows over interruptions, without leaving an event out or showing one twice.\n\n"
            + "Examples:\n  daybook tail -n 100\n  daybook tail --follow --json | jq .amount")

    @Option(name: [.customShort("n"), .long], help: "So many of the newest.") var lines: UInt64 = 20
    @Flag(name: .shortAndLong, help: "Go on with what comes, until interrupted.") var follow = false
    @Flag(help: "One JSON object an event.") var json = false

    func run() async throws {
        let connection = HTTPConnection(address: try await Settings().command)
        // One event is enough to learn the position that the answer reflects.
        guard let head = try await connection.expect("/events?limit=1").position else { throw ExitCode.failure }
        var position = head - min(head, lines)
        while position < head {
            let answer = try await connection.expect("/events?after=\(position)&limit=10000")
            guard case .array(let events) = answer.body, !events.isEmpty else { break }
            for event in events where (event["position"]?.integer ?? .max) <= head { position = show(event) }
        }
        guard follow else { return }
        while true {
            var last = position
            do {
                try await connection.feed("/events", after: position) { last = show($0) }
            } catch let exit as ExitCode {
                throw exit
            } catch {
                Terminal.tell("daybook: interrupted (\(error)); going on after position \(last)")
            }
            position = last
            // Before it connects again: not at once, and not as one with the other readers of a service that came back.
            try await Task.sleep(for: .milliseconds(Int.random(in: 500...1500)))
        }
    }

    private func show(_ event: JSONValue) -> UInt64 {
        if json { JSONOutput.line(event) } else { Terminal.line(EventLines.line(event)) }
        return event["position"]?.integer ?? 0
    }
}
