internal import CZeroMQ
internal import Glibc

/// A detached thread of the operating system.
enum OSThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread. The name is cut to the 15 bytes that Linux keeps.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                pthread_setname_np(pthread_self(), String(body.name.utf8.prefix(15)) ?? "zeromq")
                body.run()
                return nil
            }, body.toOpaque())
        precondition(result == 0, "the system refuses another thread: error \(result)")
    }
}
