public import ServiceLifecycle
public import ZeroMQ

/// Ends the ZeroMQ context when everything that uses it has stopped, and so waits until what the sockets had still to
/// send is sent. To be named before the services that use the context: services stop in the reverse order.
public struct ContextLifetime: Service {
    private let context: Context

    /// The lifetime of a context.
    public init(_ context: Context) {
        self.context = context
    }

    /// Waits for the shutdown, then ends the context.
    public func run() async {
        await waitForShutdown()
        await context.close(timeLimit: .seconds(1))
    }
}
