#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Finds and prepares the place of a database file.
enum DatabasePath {
    /// The path with symbolic links among its folders resolved, so that two names of one file meet at the same lock. Makes
    /// the folder where it is missing, for this user alone.
    ///
    /// The file itself is never opened here: closing a descriptor of it would drop the locks that SQLite holds in
    /// this process.
    static func prepare(_ path: String) throws -> String {
        try requireNoLink(path)
        let (folder, name) = split(path)
        guard !name.isEmpty, name != ".", name != ".." else {
            throw SQLiteEventStoreError(.cannotOpen, "the path of the database, \"\(path)\", names no file")
        }
        try makeFolder(folder)
        guard let resolved = resolve(folder) else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot find the folder \(folder)", cause: SystemError.last)
        }
        return resolved == "/" ? "/\(name)" : "\(resolved)/\(name)"
    }

    /// Refuses a path whose last component is a symbolic link: somebody else may have put it there.
    static func requireNoLink(_ path: String) throws {
        guard isLink(path) else { return }
        let target = resolve(path).map { ", \($0)" } ?? ""
        throw SQLiteEventStoreError(
            .cannotOpen, "\(path) is a symbolic link: name the file that it leads to\(target)")
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The folder and the name of a path: `a/b.db` gives `a` and `b.db`, `b.db` gives `.` and `b.db`.
    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    /// Makes a folder and those above it, and flushes the folder that names the new one: without that, a log could
    /// vanish with the power although every event in it was flushed.
    private static func makeFolder(_ folder: String) throws {
        if access(folder, F_OK) == 0 { return }
        let parent = split(folder).folder
        if parent != folder { try makeFolder(parent) }
        guard mkdir(folder, 0o700) == 0 else {
            if errno == EEXIST { return }
            throw SQLiteEventStoreError(.cannotOpen, "cannot make the folder \(folder)", cause: SystemError.last)
        }
        // Whatever the umask took away.
        guard chmod(folder, 0o700) == 0 else {
            throw SQLiteEventStoreError(.cannotOpen, "cannot make the folder \(folder)", cause: SystemError.last)
        }
        try FileFlush.flush(parent)
    }

    /// The folder of a file.
    static func folder(of path: String) -> String { split(path).folder }

    /// Whether there is anything of this name, be it a symbolic link that leads nowhere.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The size of a file in bytes; nil if there is none.
    static func size(_ path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(clamping: status.st_size) : nil
    }

    /// Whether there is something of this name that is no regular file, such as a symbolic link.
    static func isSpecial(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    }

    /// Whether others than its owner may use a file.
    static func isForOthers(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    /// Removes a file, where there is one.
    static func remove(_ path: String) { unlink(path) }
}
