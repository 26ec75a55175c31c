internal import ArgumentParser
internal import EventLogProtocol
internal import EventSourcing
internal import Operations
internal import ServiceSupport

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the log as CloudEvents 1.0, a JSON object a line.",
        usage: "daybook export [--after POSITION] [options]",
        discussion: """
            Reads from the live log, up to its head as it is at the beginning.

            Example: daybook export --after 1000 | jq -c '{type, subject, data}'
            """)

    @Option(help: "Only after this position.") var after: UInt64 = 0
    @Flag(help: "One JSON object a record: the output is so in any case.") var json = false
    @OptionGroup var log: LogOptions

    func run() async throws {
        try await LogConnection.with(try await log.address()) { client in
            let status = try await client.status()
            var position = after
            var hash: Digest256?
            while position < status.head.position {
                let page = try await client.readLog(after: position, limit: ReadLimit(events: 5000))
                let records = page.records.filter { $0.position <= status.head.position }
                guard page.status.logID == status.logID, let first = records.first, let last = records.last,
                    hash.map({ HashChain.hash(of: first, after: $0, in: status.logID) == first.hash }) ?? true
                else {
                    Terminal.tell("daybook: the log was restored from a backup while it was exported; export it again")
                    throw ExitCode.failure
                }
                var bytes: [UInt8] = []
                for record in records {
                    bytes += JSONOutput.printable(CloudEvent.line(of: record, in: status.logID))
                    bytes.append(UInt8(ascii: "\n"))
                }
                Terminal.write(bytes)
                (position, hash) = (last.position, last.hash)
            }
        }
    }
}
