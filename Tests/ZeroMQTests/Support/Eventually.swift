import Testing

/// What a condition that did not come true in time ends a test with.
struct TooLate: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds; throws ``TooLate`` where it does not within `limit`. Runs on the caller's actor.
nonisolated(nonsending) func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: nonisolated(nonsending) () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < deadline else { throw TooLate(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}
