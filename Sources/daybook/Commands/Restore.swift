internal import Accounts
internal import ArgumentParser
internal import EventSourcing
internal import JSON
internal import Operations
internal import SQLiteEventStore
internal import ServiceSupport

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts a backup where no log is yet, verified.",
        usage: "daybook restore FILE [--to-position POSITION] [options]",
        discussion: """
            The log keeps its id and continues its chain. Stop the event log and move its file away first, and what lies \
            beside it as PATH-wal and PATH-shm; query services and gateways notice a log that went back by themselves. \
            Accounts with a record that this version cannot apply are restored as they are, and named.

            Examples:
              daybook restore backup.db
              daybook restore backup.db --to-position 1000 --event-store sqlite:old.db
            """)

    @OptionGroup var store: StoreOptions
    @Argument(help: "The backup.") var file: String
    @Option(help: "Leave out everything after this position; an append must end there.") var toPosition: UInt64?
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let path = try await store.path()
        let source = try StoreOptions.open(file)
        try storeReported { try source.requireSound() }
        try requirePosition(toPosition, in: source)
        var bar = ProgressBar("verifying", unit: "events")
        let verified = try copyReported {
            var verified: VerifiedLog?
            try SQLiteLogCopy.make(of: source, at: path, upTo: toPosition) { copy in
                verified = try LogVerification(of: copy, as: Account.self).run { bar.show($0, of: $1) }
                bar.finish()
            }
            return verified
        }
        guard let verified else { throw ExitCode.failure }
        if verified.unreadable.count > 0 {
            Terminal.tell("daybook: warning: \(UnreadableOutput.heading(verified.unreadable)); all is restored")
            for line in UnreadableOutput.lines(verified.unreadable) { Terminal.tell("daybook: warning: \(line)") }
        }
        if json {
            JSONOutput.line([
                "file": .string(path), "log": .string("\(source.logID)"),
                "position": JSONOutput.number(verified.head.position), "hash": .string("\(verified.head.hash)"),
                "unreadable_streams": JSONOutput.number(verified.unreadable.count),
                "unreadable": UnreadableOutput.json(verified.unreadable),
            ])
        } else {
            Terminal.line("\(path) holds the log up to \(verified.head), verified")
        }
    }
}
