internal import Glibc

/// Reads and writes files that are for their owner alone. None of it follows a symbolic link at the end of a path.
public enum SecureFile {
    /// What a file's mode must be.
    public enum Demand: Hashable, Sendable {
        /// Anybody may read it.
        case anybody
        /// Anybody may read it; nobody but its owner, who is this process's user or root, may write it.
        case trusted
        /// Nobody but its owner, who is this process's user or root, may read or write it.
        case secret
    }

    /// Reads a whole file, with its stamp as it was when it was read.
    ///
    /// - Parameter maxBytes: a longer file is refused.
    /// - Throws: ``SecureFileError`` if it cannot be read, is no regular file, is too long, or does not meet the demand.
    public static func read(
        _ path: String, maxBytes: Int, demanding demand: Demand
    ) throws(SecureFileError) -> (bytes: [UInt8], stamp: FileStamp) {
        // Not waiting for a writer, should it be a FIFO; what it is, is asked below.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw .system("read", path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("read", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SecureFileError("\(path) is no file") }
        try require(demand, status, path)
        let tooLong = SecureFileError("the file \(path) has more than \(maxBytes) bytes")
        guard status.st_size <= maxBytes else { throw tooLong }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size))
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system("read", path, errno)
            }
            guard count > 0 else { return (bytes, FileStamp(status)) }
            bytes += buffer.prefix(count)
            // It may grow while it is read, and what the system makes up as it is read says that it is empty.
            guard bytes.count <= maxBytes else { throw tooLong }
        }
    }

    /// The folder of a path: `.` for a name alone.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func require(_ demand: Demand, _ status: stat, _ path: String) throws(SecureFileError) {
        switch demand {
        case .anybody: return
        case .trusted:
            guard status.st_mode & 0o022 == 0 else {
                throw SecureFileError("others than its owner may change the file \(path): chmod 600 it")
            }
        case .secret:
            guard status.st_mode & 0o077 == 0 else {
                throw SecureFileError("others than its owner may use the secret file \(path): chmod 600 it")
            }
        }
        guard geteuid() == 0 || status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SecureFileError("the file \(path) belongs to another user: chown it, or make your own")
        }
    }
}
