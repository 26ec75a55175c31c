internal import EventSourcing
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The lock that lets one store at a time open a database: an exclusive `flock` on a file beside it, which holds the
/// owner's process id for whoever finds it locked. ``DatabaseLock`` keeps others out if this file is removed.
///
/// Its second line is the id of the log that was opened here last: should the database be gone, no other log is begun in
/// its place.
///
/// The system drops the lock when its owner dies, however that happens. The file stays: were it removed, a waiting
/// opener could lock the removed file while a third made and locked a new one.
final class LockFile: Sendable {
    /// The id of the log that was opened here last; nil if none was.
    let lastLog: String?
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
        lastLog = Self.readLastLog(descriptor)
        self.descriptor = Mutex(descriptor)
        do {
            try Self.write(Self.text(of: lastLog), descriptor, path: path)
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

    /// Notes which log is open.
    func note(_ log: String, path: String) throws {
        try descriptor.withLock { descriptor in
            guard descriptor >= 0, log != lastLog else { return }
            try Self.write(Self.text(of: log), descriptor, path: path)
        }
    }

    private static func text(of log: String?) -> [UInt8] {
        Array("\(getpid())\n\(log.map { "\($0)\n" } ?? "")".utf8)
    }

    private static func write(_ text: [UInt8], _ descriptor: Int32, path: String) throws {
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            let error = SystemError.last
            // The lock holds without a name in it: a full disk is told of when the database is opened.
            if error.number == ENOSPC { return }
            throw SQLiteEventStoreError(.cannotOpen, "cannot write the lock file \(path)", cause: error)
        }
    }

    private static func readOwner(_ descriptor: Int32) -> String? {
        let digits = lines(descriptor).first?.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? []
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    private static func readLastLog(_ descriptor: Int32) -> String? {
        let lines = lines(descriptor)
        guard lines.count > 1, let id = UniqueID(String(decoding: lines[1], as: UTF8.self)) else { return nil }
        return id.description
    }

    /// The first lines, as far as the file is what is written here.
    private static func lines(_ descriptor: Int32) -> [ArraySlice<UInt8>] {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? buffer[..<count].split(separator: UInt8(ascii: "\n")) : []
    }
}
