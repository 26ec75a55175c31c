internal import Glibc
internal import Synchronization

/// Ends the process if its services do not end in time after they were told to, or after one of them failed.
///
/// The service group has such a limit too, but what it does is a trap of the process.
enum ShutdownDeadline {
    private static let isSet = Atomic<Bool>(false)

    /// Begins the time; only the first call does.
    static func begin(_ duration: Duration, exitCode: Int32) {
        guard isSet.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        let seconds = duration / .seconds(1)
        let box = Unmanaged.passRetained(Deadline(microseconds: UInt32(seconds * 1_000_000), exitCode: exitCode))
        var thread = pthread_t()
        // A thread of its own: those of the process may be what hangs.
        let result = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                let deadline = Unmanaged<Deadline>.fromOpaque(pointer).takeRetainedValue()
                // Nothing but time passes on this thread; the process ends first if its services do.
                usleep(deadline.microseconds)
                let line = "the services did not end in time\n"
                _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
                _exit(deadline.exitCode)
            }, box.toOpaque())
        if result != 0 { box.release() }
    }

    private final class Deadline {
        let microseconds: UInt32
        let exitCode: Int32

        init(microseconds: UInt32, exitCode: Int32) {
            self.microseconds = microseconds
            self.exitCode = exitCode
        }
    }
}
