internal import Glibc

extension SecureFile {
    /// Puts bytes in a file's place, at once and durably, or makes the file; its folder is made if it is missing. The
    /// file is then its owner's alone, whatever it was before.
    ///
    /// - Throws: ``SecureFileError``, also if something else than a file is there; all is then as it was.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(SecureFileError) {
        // A device that was replaced would be missed, and so would what a link leads to.
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            guard status.st_mode & S_IFMT == S_IFLNK else { throw SecureFileError("\(path) is no file") }
            throw .system("write", path, ELOOP)
        }
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
    /// - Returns: false if something is there already.
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

    /// Makes a folder and those above it, for their owner alone, and durably; those that are there stay as they are.
    public static func makeFolder(_ folder: String) throws(SecureFileError) {
        if try isFolder(folder) { return }
        let parent = Self.folder(of: folder)
        if parent != folder { try makeFolder(parent) }
        guard mkdir(folder, 0o700) == 0 else {
            let number = errno
            // Another process may have made it meanwhile.
            if number == EEXIST, try isFolder(folder) { return }
            throw number == EEXIST
                ? SecureFileError("\(folder) is a symbolic link that leads nowhere: make what it leads to")
                : .system("make the folder", folder, number)
        }
        // Whatever the umask took away.
        guard chmod(folder, 0o700) == 0 else { throw .system("make the folder", folder, errno) }
        flush(parent)
    }

    /// - Returns: false if there is nothing of this name.
    /// - Throws: if it is something else.
    private static func isFolder(_ path: String) throws(SecureFileError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .system("make the folder", path, errno) }
            return false
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw SecureFileError("\(path) is no folder") }
        return true
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
