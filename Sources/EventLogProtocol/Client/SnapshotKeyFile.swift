public import EventSourcing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Why there is no key to sign snapshots with: one sentence that names the file.
public struct SnapshotKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String
    /// Whether it may be otherwise the next time, without anybody correcting a setting: the disk is full or fails.
    public let mayPass: Bool

    init(_ description: String, _ number: Int32 = 0) {
        self.description = description
        mayPass = [ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM].contains(number)
    }
}

/// The file with the key under which an operator's services sign snapshots: 32 random bytes, for their user alone.
public enum SnapshotKeyFile {
    /// The key in a file, which is made if there is none.
    ///
    /// Services that start at once agree on one key: the file appears with all its bytes under a name that it can be
    /// given once.
    ///
    /// - Throws: ``SnapshotKeyError`` if it cannot be made or read, or others than its owner may read it.
    public static func loadOrMake(_ path: String) throws(SnapshotKeyError) -> SnapshotKey {
        if let key = try load(path) { return key }
        try make(path)
        guard let key = try load(path) else { throw SnapshotKeyError("the file \(path) was removed while it was made") }
        return key
    }

    /// The key in a file; nil if there is no such file.
    ///
    /// - Throws: ``SnapshotKeyError`` if it cannot be read, or others than its owner may read it.
    public static func load(_ path: String) throws(SnapshotKeyError) -> SnapshotKey? {
        // Not waiting for a writer, should it be a FIFO; what it is, is asked below.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let number = errno
            if number == ENOENT { return nil }
            throw number == ELOOP
                ? SnapshotKeyError("the file \(path) is a symbolic link: name the file itself")
                : SnapshotKeyError("cannot read the file \(path): \(words(number))", number)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw SnapshotKeyError("cannot read the file \(path): \(words(errno))", errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SnapshotKeyError("\(path) is no file") }
        guard status.st_mode & 0o077 == 0 else {
            throw SnapshotKeyError(
                "others than its owner may use the file \(path): chmod 600 it, or remove it for a new key")
        }
        guard geteuid() == 0 || status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SnapshotKeyError("the file \(path) belongs to another user")
        }
        // One more than there may be.
        var bytes = [UInt8](repeating: 0, count: SnapshotKey.length + 1)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw SnapshotKeyError("cannot read the file \(path): \(words(errno))", errno) }
        guard let key = SnapshotKey(sharedSecret: Array(bytes.prefix(count))) else {
            throw SnapshotKeyError(
                "the file \(path) does not hold the \(SnapshotKey.length) bytes of a key: remove it for a new key")
        }
        return key
    }

    // MARK: making it

    private static func make(_ path: String) throws(SnapshotKeyError) {
        let folder = folder(of: path)
        try makeFolder(folder)
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<SnapshotKey.length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let draft = "\(path).\(getpid())-\(UInt64.random(in: .min ... .max, using: &generator))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SnapshotKeyError("cannot make the file \(path): \(words(errno))", errno) }
        defer { unlink(draft) }
        let isWritten =
            fchmod(descriptor, 0o600) == 0 && write(descriptor, secret, secret.count) == secret.count
            && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten else { throw SnapshotKeyError("cannot write the file \(path): \(words(number))", number) }
        // Unlike a renaming, this never takes the place of a key that another service has just made.
        guard link(draft, path) == 0 || errno == EEXIST else {
            throw SnapshotKeyError("cannot make the file \(path): \(words(errno))", errno)
        }
        flush(folder)
    }

    /// Makes a folder and those above it, for their owner alone.
    private static func makeFolder(_ folder: String) throws(SnapshotKeyError) {
        if access(folder, F_OK) == 0 { return }
        let parent = Self.folder(of: folder)
        if parent != folder { try makeFolder(parent) }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw SnapshotKeyError("cannot make the folder \(folder): \(words(errno))", errno)
        }
    }

    /// The folder of a path: `.` for a name alone.
    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A key that is lost with the power costs only that snapshots are not believed, so a failure is none.
    private static func flush(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func words(_ number: Int32) -> String { String(cString: strerror(number)) }
}
