internal import Glibc
internal import SecureFiles

/// The file of the audit log, opened for appending. It may be renamed or removed at any time: the next lines then go into a
/// new one. Several services may share it, since each batch of lines is one write.
///
/// To be used by one thread at a time.
struct AuditFile: ~Copyable {
    private let path: String
    private var descriptor: CInt = -1
    private var status = stat()
    /// Whether the last line was not written whole.
    private var isTorn = false

    init(_ path: String) { self.path = path }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// Opens the file, which is made for its owner alone if it is missing, as its folder is.
    mutating func open() throws(SecureFileError) {
        if descriptor >= 0, isInPlace { return }
        close()
        let flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        var opened = Glibc.open(path, flags)
        if opened < 0, errno == ENOENT {
            // Another service may make it just now; whatever the umask takes away, its owner can write it.
            _ = try SecureFile.make(path, with: [])
            opened = Glibc.open(path, flags)
        }
        guard opened >= 0 else { throw failure(errno) }
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(opened)
            throw SecureFileError("\(path) is no file")
        }
        descriptor = opened
    }

    /// Writes whole lines.
    mutating func append(_ lines: [UInt8]) throws(SecureFileError) {
        try open()
        var rest = (isTorn ? [UInt8(ascii: "\n")] + lines : lines)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let number = errno
                isTorn = isTorn || rest.count < lines.count
                close()
                throw failure(number)
            }
            rest = rest.dropFirst(count)
        }
        isTorn = false
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Whether the path still names the file that is open.
    private var isInPlace: Bool {
        var found = stat()
        return lstat(path, &found) == 0 && found.st_ino == status.st_ino && found.st_dev == status.st_dev
    }

    private func failure(_ number: CInt) -> SecureFileError {
        number == ELOOP
            ? SecureFileError("\(path) is a symbolic link: name the file itself", number: number)
            : SecureFileError("cannot write \(path): \(String(cString: strerror(number)))", number: number)
    }
}
