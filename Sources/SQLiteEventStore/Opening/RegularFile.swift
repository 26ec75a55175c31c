#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Opens files by names that somebody else may have given to something else.
enum RegularFile {
    /// Opens a file for reading and writing. A symbolic link is not followed, and a FIFO is not waited for.
    ///
    /// - Parameter mayHaveOtherNames: whether a file with hard links is taken, as a backup may make them; else it may be
    ///   somebody else's file, and is refused.
    /// - Throws: `cannotOpen`, with what stands there instead.
    static func open(_ path: String, makingIt: Bool, mayHaveOtherNames: Bool = false) throws -> Int32 {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (makingIt ? O_CREAT : 0)
        #if canImport(Glibc)
            let descriptor = Glibc.open(path, flags, 0o644)
        #else
            let descriptor = Darwin.open(path, flags, 0o644)
        #endif
        guard descriptor >= 0 else {
            let error = SystemError.last
            if error.number == ELOOP { throw refusal(path, "is a symbolic link") }
            throw SQLiteEventStoreError(.cannotOpen, "cannot open \(path)", cause: error)
        }
        do {
            try check(descriptor, path, mayHaveOtherNames: mayHaveOtherNames)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func check(_ descriptor: Int32, _ path: String, mayHaveOtherNames: Bool) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot look at \(path)", cause: SystemError.last)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal(path, "is not a regular file") }
        guard mayHaveOtherNames || status.st_nlink <= 1 else {
            throw refusal(path, "has \(status.st_nlink) names (hard links)")
        }
    }

    private static func refusal(_ path: String, _ reason: String) -> SQLiteEventStoreError {
        SQLiteEventStoreError(.cannotOpen, "\(path) \(reason): remove it, or choose another path")
    }
}
