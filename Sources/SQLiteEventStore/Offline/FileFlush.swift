#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Makes files and names durable.
enum FileFlush {
    /// Flushes a file, or a folder with the names in it.
    static func flush(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot open \(path)", cause: SystemError.last)
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot flush \(path)", cause: SystemError.last)
        }
    }

    /// Gives a file its final name, durably; an existing file is never replaced.
    static func rename(_ path: String, to final: String) throws {
        // link(2) fails where the name is taken; rename(2) would replace it.
        guard link(path, final) == 0, unlink(path) == 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot name the file \(final)", cause: SystemError.last)
        }
        try flush(DatabasePath.folder(of: final))
    }
}
