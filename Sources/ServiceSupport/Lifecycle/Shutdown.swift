internal import ServiceLifecycle

/// Returns when the service that calls it is to stop: at the graceful shutdown, or when its task is cancelled.
public func waitForShutdown() async {
    let (never, continuation) = AsyncStream.makeStream(of: Void.self)
    defer { continuation.finish() }
    for await _ in never.cancelOnGracefulShutdown() {}
}
