/// Waits for something that may never end.
enum TimeLimit {
    /// What `begin` has reported to the function that it is given; nil if that takes longer than a limit, or if the task is
    /// cancelled: whatever it began then goes on by itself, and its result is dropped.
    static func value<Value: Sendable>(
        within limit: Duration, of begin: (@escaping @Sendable (Value) -> Void) -> Void
    ) async -> Value? {
        let (values, continuation) = AsyncStream.makeStream(of: Value.self)
        begin {
            continuation.yield($0)
            continuation.finish()
        }
        let timer = Task {
            // Cancelled as soon as there is a value.
            do { try await Task.sleep(for: limit) } catch { return }
            continuation.finish()
        }
        defer { timer.cancel() }
        for await value in values { return value }
        return nil
    }
}
