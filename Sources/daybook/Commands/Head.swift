internal import ArgumentParser
internal import EventSourcing
internal import JSON
internal import Operations
internal import ServiceSupport

struct Head: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the log's last position and its hash, to be noted elsewhere and given to verify --pinned.",
        usage: "daybook head [options]",
        discussion: "Example: daybook head >> /media/elsewhere/pinned.txt")

    @OptionGroup var store: StoreOptions
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let source = try await store.open()
        let head = try storeReported { try PinnedHead(of: source) }
        if json {
            JSONOutput.line([
                "log": .string("\(source.logID)"), "position": JSONOutput.number(head.position),
                "hash": .string("\(head.hash)"),
            ])
        } else {
            Terminal.line("\(head)")
        }
    }
}
