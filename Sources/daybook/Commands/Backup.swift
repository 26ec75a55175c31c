internal import ArgumentParser
internal import EventSourcing
internal import EventStores
internal import JSON
internal import Operations
internal import ServiceSupport

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copies the log, as it is at one position, while commands flow.",
        usage: "daybook backup FILE [--to-position POSITION] [options]",
        discussion: """
            The file is an ordinary log, whatever the store: verify it, open it with any SQLite tool, restore it.

            Examples:
              daybook backup /media/backup/daybook-$(date +%F).db
              daybook backup until-1000.db --to-position 1000
            """)

    @OptionGroup var store: StoreOptions
    @Argument(help: "The new file.") var file: String
    @Option(help: "Leave out everything after this position; an append must end there.") var toPosition: UInt64?
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let source = try await store.open()
        try requirePosition(toPosition, in: source)
        var bar = ProgressBar("copying", unit: "events")
        let head = try copyReported {
            var head: PinnedHead?
            try EventStores.makeFile(of: source, at: file, upTo: toPosition) { source, destination in
                _ = try LogCopy(from: source, to: destination).run(upTo: toPosition) { bar.show($0, of: $1) }
                bar.finish()
            } check: {
                head = try PinnedHead(of: $0)
            }
            return head
        }
        guard let head else { throw ExitCode.failure }
        if json {
            JSONOutput.line([
                "file": .string(file), "log": .string("\(source.logID)"), "position": JSONOutput.number(head.position),
                "hash": .string("\(head.hash)"),
            ])
        } else {
            Terminal.line("\(file) holds the log up to \(head)")
        }
    }
}
