internal import Accounts
internal import ArgumentParser
internal import EventSourcing
internal import EventStores
internal import JSON
internal import Operations
internal import ServiceSupport

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts a backup where no log is yet, verified.",
        usage: "daybook restore FILE [--to-position POSITION] [options]",
        discussion: """
            The log keeps its id and continues its chain. Stop the event log and move its file away first, and what lies \
            beside it as PATH-wal and PATH-shm; of PostgreSQL, name a database without a log, or with an empty one. Query \
            services and gateways notice a log that went back by themselves. Accounts with a record that this version cannot \
            apply are restored as they are, and named.

            Examples:
              daybook restore backup.db
              daybook restore backup.db --to-position 1000 --event-store sqlite:old.db
              daybook restore backup.db --event-store postgresql://db.example/daybook
            """)

    @OptionGroup var store: StoreOptions
    @Argument(help: "The backup.") var file: String
    @Option(help: "Leave out everything after this position; an append must end there.") var toPosition: UInt64?
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let address = try await store.address()
        let source = try storeReported { try EventStores.source(.sqlite(path: file)) }
        // Before anything is copied of a file that may be anybody's.
        try storeReported { try source.requireSound() }
        try requirePosition(toPosition, in: source)
        let (place, verified) =
            switch address {
            case .sqlite(let path): (path, try restore(source, toFile: path))
            case .postgresql: ("\(address)", try restore(source, to: address))
            }
        if verified.unreadable.count > 0 {
            Terminal.tell("daybook: warning: \(UnreadableOutput.heading(verified.unreadable)); all is restored")
            for line in UnreadableOutput.lines(verified.unreadable) { Terminal.tell("daybook: warning: \(line)") }
        }
        if json {
            JSONOutput.line([
                "file": .string(place), "log": .string("\(source.logID)"),
                "position": JSONOutput.number(verified.head.position), "hash": .string("\(verified.head.hash)"),
                "unreadable_streams": JSONOutput.number(verified.unreadable.count),
                "unreadable": UnreadableOutput.json(verified.unreadable),
            ])
        } else {
            Terminal.line("\(place) holds the log up to \(verified.head), verified")
        }
    }

    private func restore(_ source: any LogSource, toFile path: String) throws -> VerifiedLog {
        let verified = try copyReported {
            var verified: VerifiedLog?
            try EventStores.makeFile(of: source, at: path, upTo: toPosition) { source, destination in
                _ = try LogCopy(from: source, to: destination).run(upTo: toPosition)
            } check: {
                verified = try verify($0)
            }
            return verified
        }
        guard let verified else { throw ExitCode.failure }
        return verified
    }

    /// Verifies what is to be copied first: what was copied into a database is there.
    private func restore(_ source: any LogSource, to address: StoreAddress) throws -> VerifiedLog {
        try copyReported {
            if let toPosition { try source.requireEndOfAppend(at: toPosition) }
            _ = try verify(source, upTo: toPosition)
            let head = try EventStores.destination(address, for: source.logID, isNew: true).closing { destination in
                var bar = ProgressBar("copying", unit: "events")
                defer { bar.finish() }
                return try LogCopy(from: source, to: destination).run(upTo: toPosition) { bar.show($0, of: $1) }
            }
            return try verify(EventStores.source(address), pinned: head)
        }
    }

    private func verify(
        _ source: any LogSource, upTo last: UInt64? = nil, pinned: PinnedHead? = nil
    ) throws -> VerifiedLog {
        var bar = ProgressBar("verifying", unit: "events")
        defer { bar.finish() }
        return try LogVerification(of: source, as: Account.self).run(upTo: last, pinned: pinned) {
            bar.show($0, of: $1)
        }
    }
}
