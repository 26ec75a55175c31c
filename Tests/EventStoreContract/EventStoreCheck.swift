public import Testing

/// One rule of an event store, and how to see that it is kept.
public struct EventStoreCheck: Sendable, CustomTestStringConvertible {
    /// The rule in words, with the number of its invariant where it has one.
    public let name: String

    private let body: @Sendable (StorePlace) throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (StorePlace) throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the check in a place where no log is yet; records an issue for everything that is wrong.
    public func run(in place: StorePlace) throws {
        try body(place)
    }

    /// The rule, for the test report.
    public var testDescription: String { name }
}
