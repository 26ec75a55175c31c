internal import Accounts
internal import ArgumentParser
internal import EventSourcing
internal import EventStores
internal import JSON
internal import Operations
internal import ServiceSupport

struct Copy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the whole log to another store, or continues a copy that was begun.",
        usage: "daybook copy FROM TO [options]",
        discussion: """
            Log id, positions, hashes, times and command keys stay what they are, so clients and readers notice nothing: a command \
            that is repeated under its key gets its old answer. Stores are sqlite:PATH and postgresql://…, in any direction.

            FROM may be a log that is being written: the copy ends at its head as it is at the beginning. Run the same again to \
            bring what came since, and once more when the event log is stopped; then start it with the new store. A copy that was \
            ended in the middle goes on where it was. TO is verified at the end. It may not be led by a service, and what is in \
            it must be the beginning of FROM: a copy is never mixed with another log. A database that was only opened once, so \
            that it has the schema and no record, is as good as a new one.

            A password in an address is seen by all users of the machine while the command runs: let libpq find it in ~/.pgpass, \
            or in PGPASSWORD.

            Examples:
              daybook copy sqlite:data/daybook.db postgresql://daybook@db.example/daybook
              daybook copy postgresql://daybook@db.example/daybook sqlite:back.db
            """)

    @Argument(help: "The store of the log.") var from: String
    @Argument(help: "The store that it is brought to.") var to: String
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let (from, to) = (try StoreOptions.address(from, of: "FROM"), try StoreOptions.address(to, of: "TO"))
        guard try !storeReported({ try EventStores.isSame(from, to) }) else {
            throw ValidationError("FROM and TO are the same store")
        }
        let source = try storeReported { try EventStores.source(from) }
        let (begin, head) = try copied(source, to: to)
        let verified = try reported("\(to) is not in order") {
            var bar = ProgressBar("verifying", unit: "events")
            defer { bar.finish() }
            return try LogVerification(of: EventStores.source(to), as: Account.self).run(pinned: head) {
                bar.show($0, of: $1)
            }
        }
        let end = try storeReported { try source.head() }.position
        // Lower only if somebody has put another log there meanwhile.
        let rest = end - min(end, head.position)
        if json {
            JSONOutput.line([
                "from": .string("\(from)"), "to": .string("\(to)"), "log": .string("\(source.logID)"),
                "position": JSONOutput.number(head.position), "hash": .string("\(head.hash)"),
                "copied": JSONOutput.number(head.position - begin), "keys": JSONOutput.number(verified.keys),
                "rest": JSONOutput.number(rest),
                "unreadable_streams": JSONOutput.number(verified.unreadable.count),
            ])
        } else {
            Terminal.line("\(to) holds the log up to \(head), verified; \(head.position - begin) events were copied")
            if rest > 0 { Terminal.line("\(rest) events came meanwhile: run the same again to bring them") }
        }
    }

    /// Copies what is missing; returns the position after which it began, and the head of the copy.
    private func copied(_ source: any LogSource, to address: StoreAddress) throws -> (begin: UInt64, head: PinnedHead) {
        try reported("\(source.place) is not in order, and the copy ends before that") {
            try source.requireSound()
            return try EventStores.destination(address, for: source.logID).closing { destination in
                let begin = destination.head.position
                var bar = ProgressBar("copying", unit: "events")
                defer { bar.finish() }
                return (begin, try LogCopy(from: source, to: destination).run { bar.show($0, of: $1) })
            }
        }
    }

    private func reported<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try storeReported(body)
        } catch let failure as VerificationFailure {
            Terminal.tell("daybook: \(what): \(failure)")
            throw ExitCode.failure
        }
    }
}
