internal import Glibc
package import SecureFiles

/// A lock that keeps several programs from changing one file at once. The file is replaced while it is held, never changed
/// in place: so whoever reads it without the lock sees it whole.
package struct FileEditLock: ~Copyable {
    /// Who the file belongs to: user and group.
    private let owner: (UInt32, UInt32)
    private let descriptor: CInt

    /// Waits for the lock of a file.
    ///
    /// - Throws: ``SecureFileError`` if there is no such file, or it cannot be opened.
    package init(of path: String) throws(SecureFileError) {
        while true {
            let opened = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
            guard opened >= 0 else { throw Self.failure(path, errno) }
            var status = stat()
            var found = stat()
            while flock(opened, LOCK_EX) != 0 {
                let number = errno
                if number == EINTR { continue }
                close(opened)
                throw Self.failure(path, number)
            }
            // Another program may have replaced the file while this one waited.
            if fstat(opened, &status) == 0, lstat(path, &found) == 0, status.st_ino == found.st_ino,
                status.st_dev == found.st_dev
            {
                descriptor = opened
                owner = (status.st_uid, status.st_gid)
                return
            }
            close(opened)
        }
    }

    deinit { close(descriptor) }

    /// Puts bytes in the file's place. It belongs to whom it belonged to, if this program may say so.
    package func replace(_ path: String, with bytes: [UInt8]) throws(SecureFileError) {
        try SecureFile.replace(path, with: bytes)
        if geteuid() == 0 { lchown(path, owner.0, owner.1) }
    }

    private static func failure(_ path: String, _ number: CInt) -> SecureFileError {
        number == ELOOP
            ? SecureFileError("\(path) is a symbolic link: name the file itself", number: number)
            : SecureFileError("cannot open \(path): \(String(cString: strerror(number)))", number: number)
    }
}
