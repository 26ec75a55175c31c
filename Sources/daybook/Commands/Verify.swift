internal import Accounts
internal import ArgumentParser
internal import JSON
internal import Operations
internal import SQLiteEventStore
internal import ServiceSupport

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proves the log: hash chain, positions, versions, every account's fold, keys and snapshots.",
        usage: "daybook verify [--pinned POSITION:HASH] [options]",
        discussion: "Works beside the running services, and on a backup. Exit code 1 names the first record that is "
            + "wrong.\n\nExamples:\n  daybook verify\n  daybook verify --event-store sqlite:backup.db\n"
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
        let file = try await store.open()
        var bar = ProgressBar("verifying", unit: "events")
        do {
            let verification = LogVerification(
                of: file, as: Account.self, snapshotsSignedWith: try await Settings([]).snapshotKey)
            let log = try storeReported { try verification.run(pinned: pinned) { bar.show($0, of: $1) } }
            bar.finish()
            if json {
                JSONOutput.line([
                    "ok": .bool(true), "log": .string("\(file.logID)"),
                    "position": JSONOutput.number(log.head.position),
                    "hash": .string("\(log.head.hash)"), "streams": JSONOutput.number(log.streams),
                    "keys": JSONOutput.number(log.keys),
                    "snapshots": log.snapshots.map { JSONOutput.number($0) } ?? .null,
                    "events_per_second": JSONOutput.number(bar.rate),
                ])
            } else {
                Terminal.line(
                    Terminal.coloured("in order", .green) + ": \(log.head.position) events of \(log.streams) streams, "
                        + "\(log.keys) keys, \(log.snapshots.map { "\($0) snapshots" } ?? "snapshots not checked"); "
                        + "\(bar.rate) events/s")
                Terminal.line("head \(log.head)")
            }
        } catch let failure as VerificationFailure {
            bar.finish()
            if json {
                JSONOutput.line([
                    "ok": .bool(false), "log": .string("\(file.logID)"),
                    "position": failure.position.map { JSONOutput.number($0) } ?? .null,
                    "stream": failure.stream.map { .string("\($0)") } ?? .null, "reason": .string(failure.reason),
                ])
            } else {
                Terminal.line(Terminal.coloured("NOT in order", .red) + ": \(failure)")
            }
            throw ExitCode.failure
        }
    }
}
