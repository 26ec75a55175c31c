internal import Accounts
internal import ArgumentParser
internal import EventSourcing
internal import JSON
internal import Operations
internal import ServiceSupport

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proves the log: hash chain, positions, versions, every account's fold, keys and snapshots.",
        usage: "daybook verify [--pinned POSITION:HASH] [options]",
        discussion: "Works beside the running services, and on a backup. Exit code 1 names the first record that is "
            + "wrong; records that this version cannot apply are named too, after all the rest is proved.\n\nExamples:\n  daybook verify\n  daybook verify --event-store sqlite:backup.db\n"
            + "  daybook verify --pinned 412:9e56…  # what `daybook head` printed once\n\n"
            + "Snapshots are checked if the file with the services' key, the setting SNAPSHOT_KEY, is there.")

    @OptionGroup var store: StoreOptions
    @Option(help: "A point that the log must continue, as `daybook head` printed it: POSITION:HASH.") var pinned:
        String?
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let pinned = try pinned.map { text in
            guard let pinned = PinnedHead(text) else {
                throw ValidationError("--pinned is “\(text)”: expected POSITION:HASH, as daybook head prints it")
            }
            return pinned
        }
        let source = try await store.open()
        var bar = ProgressBar("verifying", unit: "events")
        do {
            let verification = LogVerification(
                of: source, as: Account.self, snapshotsSignedWith: try await Settings([]).snapshotKey)
            let log = try storeReported { try verification.run(pinned: pinned) { bar.show($0, of: $1) } }
            bar.finish()
            report(log, of: source, rate: bar.rate)
            if log.unreadable.count > 0 { throw ExitCode.failure }
        } catch let failure as VerificationFailure {
            bar.finish()
            report(failure, of: source)
            throw ExitCode.failure
        }
    }

    /// A record that cannot be applied is told of as what is wrong, and what was proved all the same stands beside it.
    private func report(_ log: VerifiedLog, of source: any LogSource, rate: UInt64) {
        let first = log.unreadable.named.first
        if json {
            var members: [(String, JSONValue)] = [
                ("ok", .bool(first == nil)), ("log", .string("\(source.logID)")),
                ("position", JSONOutput.number(first?.position ?? log.head.position)),
            ]
            if let first {
                members += [
                    ("stream", .string("\(first.stream)")), ("reason", .string(first.reason)),
                    ("head", JSONOutput.number(log.head.position)),
                ]
            }
            members += [
                ("hash", .string("\(log.head.hash)")), ("streams", JSONOutput.number(log.streams)),
                ("keys", JSONOutput.number(log.keys)),
                ("snapshots", log.snapshots.map { JSONOutput.number($0) } ?? .null),
                ("events_per_second", JSONOutput.number(rate)),
            ]
            line(members, log.unreadable)
            return
        }
        if first != nil {
            let heading = UnreadableOutput.heading(log.unreadable)
            Terminal.line(Terminal.coloured("NOT in order", .red) + ": \(heading)")
            for line in UnreadableOutput.lines(log.unreadable) { Terminal.line(line) }
        }
        Terminal.line(
            Terminal.coloured(first == nil ? "in order" : "all else is in order", .green)
                + ": \(log.head.position) events of \(log.streams) streams, \(log.keys) keys, "
                + "\(log.snapshots.map { "\($0) snapshots" } ?? "snapshots not checked"); \(rate) events/s")
        Terminal.line("head \(log.head)")
    }

    private func report(_ failure: VerificationFailure, of source: any LogSource) {
        if json {
            let members: [(String, JSONValue)] = [
                ("ok", .bool(false)), ("log", .string("\(source.logID)")),
                ("position", failure.position.map { JSONOutput.number($0) } ?? .null),
                ("stream", failure.stream.map { .string("\($0)") } ?? .null), ("reason", .string(failure.reason)),
            ]
            line(members, failure.unreadable)
            return
        }
        Terminal.line(Terminal.coloured("NOT in order", .red) + ": \(failure)")
        if failure.unreadable.count > 0 {
            Terminal.line("before that, \(UnreadableOutput.heading(failure.unreadable))")
            for line in UnreadableOutput.lines(failure.unreadable) { Terminal.line(line) }
        }
    }

    /// An object with these members, and the streams that cannot be read on.
    private func line(_ members: [(String, JSONValue)], _ unreadable: UnreadableStreams) {
        let named: [(String, JSONValue)] = [
            ("unreadable_streams", JSONOutput.number(unreadable.count)),
            ("unreadable", UnreadableOutput.json(unreadable)),
        ]
        JSONOutput.line(.object((members + named).map { JSONValue.Member(name: $0, value: $1) }))
    }
}
