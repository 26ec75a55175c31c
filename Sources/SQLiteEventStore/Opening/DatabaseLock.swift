internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A lock on the database file itself: an exclusive `flock`, which holds whatever becomes of the names of the file and
/// of the lock file beside it.
///
/// SQLite's own locks are of another kind (POSIX record locks), and the two do not meet. But a process loses those on a
/// file when it closes any descriptor of it. So this descriptor is opened before SQLite opens the file and closed after
/// SQLite has closed it, and a file that this process has locked already is found by its identity, without being opened.
final class DatabaseLock: Sendable {
    private static let held = Mutex<Set<FileIdentity>>([])

    let identity: FileIdentity
    private let path: String
    /// -1 once released.
    private let descriptor: Mutex<Int32>

    /// Locks the database at `path`, which is made if it is missing.
    init(path: String) throws {
        self.path = path
        let locked: (FileIdentity, Int32) = try Self.held.withLock { held in
            if let identity = FileIdentity(path: path), held.contains(identity) {
                throw SQLiteEventStoreError(
                    .locked, "\(path) is locked by process \(getpid()): stop that process, or choose another path")
            }
            let descriptor = try RegularFile.open(path, makingIt: true)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, let identity = FileIdentity(descriptor: descriptor) else {
                let error = SystemError.last
                close(descriptor)
                guard error.number == EWOULDBLOCK else {
                    throw SQLiteEventStoreError(.cannotOpen, "cannot lock \(path)", cause: error)
                }
                throw SQLiteEventStoreError(
                    .locked,
                    "\(path) is locked by another process, though its lock file is not: stop the event log that has it "
                        + "open, or choose another path")
            }
            held.insert(identity)
            return (identity, descriptor)
        }
        identity = locked.0
        descriptor = Mutex(locked.1)
    }

    deinit { release() }

    /// Lets the next store in; to be called when SQLite has closed the file. Does nothing the second time.
    func release() {
        Self.held.withLock { held in
            descriptor.withLock { descriptor in
                guard descriptor >= 0 else { return }
                held.remove(identity)
                // As in ``LockFile/release()``: a child process may have a copy of the descriptor.
                flock(descriptor, LOCK_UN)
                close(descriptor)
                descriptor = -1
            }
        }
    }

    /// The first bytes of the file, at most so many.
    func read(_ count: Int) -> [UInt8] {
        descriptor.withLock { descriptor in
            var bytes = [UInt8](repeating: 0, count: count)
            let result = pread(descriptor, &bytes, count, 0)
            return Array(bytes.prefix(max(0, result)))
        }
    }
}
