internal import ArgumentParser
internal import EventSourcing
internal import Glibc
internal import Operations
internal import SQLiteEventStore
internal import ServiceSupport

/// Where a command finds the log's file.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The log's file; else the setting EVENT_STORE.", valueName: "sqlite:path"))
    var eventStore: String?

    func path() async throws -> String {
        try await Settings([(name: "event-store", value: eventStore)]).storePath
    }

    /// Opens the file for reading only; the service may go on writing it.
    func open() async throws -> SQLiteLogFile { try Self.open(try await path()) }

    static func open(_ path: String) throws -> SQLiteLogFile {
        try storeReported { try SQLiteLogFile(path: path) }
    }
}

/// Runs what reads or makes a log's file; a failure is told in one line.
func storeReported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let obstacle as StoreObstacle {
        Terminal.tell("daybook: \(obstacle)")
        throw ExitCode(EX_UNAVAILABLE)
    } catch let error as SQLiteEventStoreError {
        Terminal.tell("daybook: \(error)")
        throw ExitCode.failure
    }
}

/// Runs what makes a copy; a failure is told in one line.
func copyReported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try storeReported(body)
    } catch let error as VerificationFailure {
        Terminal.tell("daybook: the copy is not in order, so nothing was restored: \(error)")
        throw ExitCode.failure
    }
}

/// Refuses a `--to-position` beyond the end of a log.
func requirePosition(_ position: UInt64?, in source: SQLiteLogFile) throws {
    guard let position else { return }
    let last = try storeReported { try source.last()?.position ?? 0 }
    if position > last {
        throw ValidationError("--to-position is \(position), but \(source.path) ends at position \(last)")
    }
}
