internal import ArgumentParser
internal import EventLogProtocol
internal import EventSourcing
internal import Operations

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the log as CloudEvents 1.0, a JSON object a line.",
        discussion: "Reads from the live log, up to its head as it is at the beginning.\n\n"
            + "Example: daybook export --after 1000 | jq -c '{type, subject, amount: .data.amount}'")

    @Option(help: "Only after this position.") var after: UInt64 = 0

    func run() async throws {
        try await LogConnection.with(try Settings().log) { client in
            let status = try await client.status()
            var position = after
            while position < status.head.position {
                let page = try await client.readLog(after: position, limit: ReadLimit(events: 5000))
                guard let last = page.records.last else { break }
                var bytes: [UInt8] = []
                for record in page.records where record.position <= status.head.position {
                    bytes += CloudEvent.line(of: record, in: status.logID)
                    bytes.append(UInt8(ascii: "\n"))
                }
                Terminal.write(bytes)
                position = last.position
            }
        }
    }
}
