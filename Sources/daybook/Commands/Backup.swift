internal import ArgumentParser
internal import JSON
internal import Operations
internal import SQLiteEventStore
internal import ServiceSupport

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copies the log, as it is at one position, while commands flow.",
        usage: "daybook backup FILE [options]",
        discussion: "The file is an ordinary log: verify it, open it with any SQLite tool, restore it.\n\n"
            + "Example: daybook backup /media/backup/daybook-$(date +%F).db")

    @OptionGroup var store: StoreOptions
    @Argument(help: "The new file.") var file: String
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let source = try await store.open()
        let head = try copyReported {
            var head: PinnedHead?
            try SQLiteLogCopy.make(of: source, at: file) { head = try PinnedHead(of: $0) }
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
