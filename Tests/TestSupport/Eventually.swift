/// What a condition that did not come true in time ends a test with.
public struct TooLate: Error, CustomStringConvertible {
    /// What was waited for, and for how long.
    public let description: String

    /// What did not come in time.
    public init(description: String) {
        self.description = description
    }
}

/// Waits until `condition` holds; throws ``TooLate`` where it does not within `limit`. Runs on the caller's actor.
public nonisolated(nonsending) func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: nonisolated(nonsending) () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < deadline else { throw TooLate(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}
