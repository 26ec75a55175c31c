internal import ArgumentParser
internal import JSON
internal import Operations
internal import SQLiteEventStore
internal import ServiceSupport

struct Head: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the log's last position and its hash, to be noted elsewhere and given to verify --pinned.",
        usage: "daybook head [options]",
        discussion: "Example: daybook head >> /media/elsewhere/pinned.txt")

    @OptionGroup var store: StoreOptions
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let file = try await store.open()
        let head = try storeReported { try PinnedHead(of: file) }
        if json {
            JSONOutput.line([
                "log": .string("\(file.logID)"), "position": JSONOutput.number(head.position),
                "hash": .string("\(head.hash)"),
            ])
        } else {
            Terminal.line("\(head)")
        }
    }
}
