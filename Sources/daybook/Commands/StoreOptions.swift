internal import ArgumentParser
internal import SQLiteEventStore

/// Where a command finds the log's file.
struct StoreOptions: ParsableArguments {
    @Option(help: "The log's file, sqlite:PATH; else the setting EVENT_STORE.") var eventStore: String?

    func path() async throws -> String {
        try await Settings([(name: "event-store", value: eventStore)]).storePath
    }

    /// Opens the file for reading only; the service may go on writing it.
    func open() async throws -> SQLiteLogFile { try Self.open(try await path()) }

    static func open(_ path: String) throws -> SQLiteLogFile {
        do {
            return try SQLiteLogFile(path: path)
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode.failure
        }
    }
}
