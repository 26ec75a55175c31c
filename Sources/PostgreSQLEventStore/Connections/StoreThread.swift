internal import EventSourcing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A detached thread of the operating system.
enum StoreThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread.
    ///
    /// - Throws: `unavailable` if the system cannot start another one.
    static func start(_ run: @escaping @Sendable () -> Void) throws(StoreObstacle) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            throw StoreObstacle(
                .unavailable,
                "the system has no thread for the store (\(String(cString: strerror(result)))): raise the limit of "
                    + "processes (ulimit -u), or end programs")
        }
    }
}
