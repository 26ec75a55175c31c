internal import ArgumentParser
internal import EventSourcing
internal import EventStores
internal import Glibc
internal import Operations
internal import ServiceSupport

/// Where a command finds the log itself.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The log, sqlite:PATH or postgresql://…; else the setting EVENT_STORE.", valueName: "store"))
    var eventStore: String?

    func address() async throws -> StoreAddress {
        try await Settings([(name: "event-store", value: eventStore)]).store
    }

    /// Opens the log for reading only; the service may go on writing it.
    func open() async throws -> any LogSource {
        let address = try await address()
        return try storeReported { try EventStores.source(address) }
    }

    /// Reads an argument that names a store: an address, or a file's path.
    static func address(_ text: String, of argument: String) throws -> StoreAddress {
        if let address = StoreAddress(text) { return address }
        // What has no scheme; a mistyped address may hold a password.
        guard !text.isEmpty, !text.contains("://") else {
            throw ValidationError("\(argument) is no store: expected sqlite:PATH or postgresql://…")
        }
        return .sqlite(path: text)
    }
}

/// Runs what reads or makes a log; a failure is printed in one line.
func storeReported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let obstacle as StoreObstacle {
        Terminal.tell("daybook: \(obstacle)")
        throw ExitCode(EX_UNAVAILABLE)
    } catch let error as any StoreFailure {
        Terminal.tell("daybook: \(error)")
        throw ExitCode.failure
    } catch let failure as CopyFailure {
        Terminal.tell("daybook: \(failure)")
        throw ExitCode.failure
    }
}

/// Runs what makes a copy; a failure is printed in one line.
func copyReported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try storeReported(body)
    } catch let error as VerificationFailure {
        Terminal.tell("daybook: the copy is not in order, so nothing was restored: \(error)")
        throw ExitCode.failure
    }
}

/// Refuses a `--to-position` beyond the end of a log.
func requirePosition(_ position: UInt64?, in source: any LogSource) throws {
    guard let position else { return }
    let last = try storeReported { try source.head().position }
    if position > last {
        throw ValidationError("--to-position is \(position), but \(source.place) ends at position \(last)")
    }
}
