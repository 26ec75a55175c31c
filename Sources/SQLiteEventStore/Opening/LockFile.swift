internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The lock that lets one store at a time open a database: an exclusive `flock` on a file beside it, which holds the
/// owner's process id for whoever finds it locked. ``DatabaseLock`` keeps others out if this file is removed.
///
/// The system drops the lock when its owner dies, however that happens. The file stays: were it removed, a waiting
/// opener could lock the removed file while a third made and locked a new one.
final class LockFile: Sendable {
    /// -1 once released.
    private let descriptor: Mutex<Int32>

    /// Locks the file at `path`, which is made if it is missing.
    init(path: String) throws {
        let descriptor = try RegularFile.open(path, makingIt: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = SystemError.last
            let owner = Self.readOwner(descriptor)
            close(descriptor)
            guard error.number == EWOULDBLOCK else {
                throw SQLiteEventStoreError(.cannotOpen, "cannot lock \(path)", cause: error)
            }
            throw SQLiteEventStoreError(
                .locked, "\(path) is locked by process \(owner ?? "unknown"): stop that process, or choose another path"
            )
        }
        self.descriptor = Mutex(descriptor)
        do {
            try Self.writeOwner(descriptor, path: path)
        } catch {
            release()
            throw error
        }
    }

    deinit {
        release()
    }

    /// Lets the next store in. Does nothing the second time.
    func release() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            // Closing alone would leave the lock to a child process that another thread is just starting, until that
            // child has closed its copy of the descriptor.
            flock(descriptor, LOCK_UN)
            close(descriptor)
            descriptor = -1
        }
    }

    private static func writeOwner(_ descriptor: Int32, path: String) throws {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            let error = SystemError.last
            // The lock holds without a name in it: a full disk is told of when the database is opened.
            if error.number == ENOSPC { return }
            throw SQLiteEventStoreError(.cannotOpen, "cannot write the lock file \(path)", cause: error)
        }
    }

    private static func readOwner(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 20)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let digits = buffer[..<count].prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }
}
