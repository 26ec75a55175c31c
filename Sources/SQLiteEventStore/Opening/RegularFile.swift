#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Opens files by names that somebody else may have given to something else.
enum RegularFile {
    private static let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY

    /// Makes a file that is not there yet, for this user alone whatever the umask, and opens it for reading and writing.
    static func makeAnew(_ path: String) throws -> Int32 {
        let descriptor = openFile(path, flags | O_CREAT | O_EXCL)
        guard descriptor >= 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot make \(path)", cause: SystemError.last)
        }
        guard fchmod(descriptor, 0o600) == 0 else {
            let error = SystemError.last
            close(descriptor)
            throw SQLiteEventStoreError(.cannotOpen, "cannot make \(path)", cause: error)
        }
        return descriptor
    }

    /// Opens a file for reading and writing, and makes it first if that is asked for. A symbolic link is not followed, a FIFO is not waited for, and a file with
    /// a second name is refused: it may be somebody else's, and a database would have side files beside either name.
    ///
    /// - Throws: `cannotOpen`, with what stands there instead.
    static func open(_ path: String, makingIt: Bool) throws -> Int32 {
        var descriptor = openFile(path, flags)
        if descriptor < 0, makingIt, errno == ENOENT {
            do {
                return try makeAnew(path)
            } catch let error as SQLiteEventStoreError {
                guard let cause = error.cause as? SystemError, cause.number == EEXIST else { throw error }
                // Another process has made it meanwhile.
                descriptor = openFile(path, flags)
            }
        }
        guard descriptor >= 0 else {
            let error = SystemError.last
            if error.number == ELOOP { throw refusal(path, "is a symbolic link") }
            throw SQLiteEventStoreError(.cannotOpen, "cannot open \(path)", cause: error)
        }
        do {
            try check(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func openFile(_ path: String, _ flags: Int32) -> Int32 {
        #if canImport(Glibc)
            Glibc.open(path, flags, 0o600)
        #else
            Darwin.open(path, flags, 0o600)
        #endif
    }

    private static func check(_ descriptor: Int32, _ path: String) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot look at \(path)", cause: SystemError.last)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal(path, "is not a regular file") }
        guard status.st_nlink <= 1 else {
            throw SQLiteEventStoreError(
                .cannotOpen,
                "\(path) has \(status.st_nlink) names (hard links): remove the others, or make it a file of its own "
                    + "by a copy")
        }
    }

    private static func refusal(_ path: String, _ reason: String) -> SQLiteEventStoreError {
        SQLiteEventStoreError(.cannotOpen, "\(path) \(reason): remove it, or choose another path")
    }
}
