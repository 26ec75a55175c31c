internal import EventSourcing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a thread polls beside its sockets, so that others can wake it.
final class WakeUp: Sendable {
    private let ends: (read: Int32, write: Int32)

    /// One that is quiet.
    ///
    /// - Throws: `unavailable` if the process or the system has no more descriptors.
    init() throws(StoreObstacle) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw StoreObstacle(
                .unavailable,
                "the system has no pipe for the store's thread (\(String(cString: strerror(errno)))): raise the limit of "
                    + "open files (ulimit -n)")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    /// What is readable after ``wake()``.
    var polled: pollfd { pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0) }

    /// Wakes the thread, or keeps it from falling asleep. A full pipe wakes it, too.
    func wake() {
        var byte: UInt8 = 0
        while write(ends.write, &byte, 1) < 0, errno == EINTR {}
    }

    /// Is quiet again.
    func clear() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(ends.read, &bytes, bytes.count) > 0 {}
    }
}
