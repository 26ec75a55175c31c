public import EventSourcing

/// A place where a log is kept: it can be opened, closed and opened again.
public struct StorePlace: Sendable {
    /// Opens the log that is kept here, or makes it, with a clock for the time of its records.
    public typealias Open = @Sendable (_ clock: @escaping @Sendable () -> Timestamp) throws -> any EventStore

    private let opener: Open
    private let closer: @Sendable (any EventStore) throws -> Void

    /// A place from what opens and what closes its store.
    public init(open: @escaping Open, close: @escaping @Sendable (any EventStore) throws -> Void) {
        opener = open
        closer = close
    }

    func open(clock: @escaping @Sendable () -> Timestamp = Timestamp.now) throws -> any EventStore {
        try opener(clock)
    }

    func close(_ store: any EventStore) throws {
        try closer(store)
    }

    /// Opens the log for `body` and closes it, also where `body` throws.
    func with<Result>(
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now, _ body: (any EventStore) throws -> Result
    ) throws -> Result {
        let store = try open(clock: clock)
        let result: Result
        do {
            result = try body(store)
        } catch {
            try close(store)
            throw error
        }
        try close(store)
        return result
    }
}
