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
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system("read", path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("read", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SecureFileError("\(path) is no file") }
        switch demand {
        case .anybody: break
        case .trusted: try requireTrusted(status, path)
        case .secret: try requireSecret(status, path)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system("read", path, errno)
            }
            guard count > 0 else { return (bytes, FileStamp(status)) }
            bytes += buffer.prefix(count)
            guard bytes.count <= maxBytes else {
                throw SecureFileError("the file \(path) has more than \(maxBytes) bytes")
            }
        }
    }

    private static func requireSecret(_ status: stat, _ path: String) throws(SecureFileError) {
        guard status.st_mode & 0o077 == 0 else {
            throw SecureFileError("others than its owner may use the secret file \(path): chmod 600 it")
        }
        guard geteuid() == 0 || status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SecureFileError("the secret file \(path) belongs to another user")
        }
    }

    private static func requireTrusted(_ status: stat, _ path: String) throws(SecureFileError) {
        guard status.st_mode & 0o022 == 0 else {
            throw SecureFileError("others than its owner may change the file \(path): chmod 600 it")
        }
        guard geteuid() == 0 || status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SecureFileError("the file \(path) belongs to another user")
        }
    }

    /// Puts bytes in a file's place, at once and durably, or makes the file; its folder is made if it is missing.
    ///
    /// - Throws: ``SecureFileError``; the file is then as it was.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(SecureFileError) {
        let draft = try writeDraft(of: path, bytes)
        guard rename(draft, path) == 0 else {
            let number = errno
            unlink(draft)
            throw .system("write", path, number)
        }
        flush(folder(of: path))
    }

    /// Makes a file that must not be there yet, durably; its folder is made if it is missing.
    ///
    /// - Returns: false if it is there already.
    public static func make(_ path: String, with bytes: [UInt8]) throws(SecureFileError) -> Bool {
        let draft = try writeDraft(of: path, bytes)
        defer { unlink(draft) }
        // Unlike a renaming, this never takes the place of a file that another process has just made.
        guard link(draft, path) == 0 else {
            guard errno == EEXIST else { throw .system("make", path, errno) }
            return false
        }
        flush(folder(of: path))
        return true
    }

    /// Makes a folder and those above it, for their owner alone; those that are there stay as they are.
    public static func makeFolder(_ folder: String) throws(SecureFileError) {
        if access(folder, F_OK) == 0 { return }
        let parent = Self.folder(of: folder)
        if parent != folder { try makeFolder(parent) }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw .system("make the folder", folder, errno) }
    }

    /// The folder of a path: `.` for a name alone.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Writes a file beside another, with all its bytes on disk.
    ///
    /// - Returns: its path.
    private static func writeDraft(of path: String, _ bytes: [UInt8]) throws(SecureFileError) -> String {
        try makeFolder(folder(of: path))
        let draft = "\(path).\(getpid())-\(UInt64.random(in: .min ... .max))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("write", path, errno) }
        // Whatever the umask took away.
        var isWritten = fchmod(descriptor, 0o600) == 0
        var rest = bytes[...]
        while isWritten, !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            isWritten = count > 0
            rest = rest.dropFirst(max(0, count))
        }
        isWritten = isWritten && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten else {
            unlink(draft)
            throw .system("write", path, number)
        }
        return draft
    }

    /// A name that is lost with the power is written again by whoever needs it, so a failure is none.
    private static func flush(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
