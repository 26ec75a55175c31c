internal import Glibc

/// Why a file cannot be used: one sentence that names it and says what to do.
public struct SecureFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String
    /// The system's error number; 0 if the system did not refuse it.
    public let number: Int32

    /// An error with its sentence.
    public init(_ description: String, number: Int32 = 0) {
        self.description = description
        self.number = number
    }

    /// Whether there is no such file.
    public var isMissing: Bool { number == ENOENT }

    /// Whether it may be otherwise the next time, without anybody correcting anything: the disk is full or fails.
    public var mayPass: Bool { [ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM].contains(number) }

    /// An error with the system's words.
    static func system(_ what: String, _ path: String, _ number: Int32) -> SecureFileError {
        let path = SecretText.shown(path)
        return number == ELOOP
            ? SecureFileError("\(path) is a symbolic link: name the file itself", number: number)
            : SecureFileError("cannot \(what) \(path): \(String(cString: strerror(number)))", number: number)
    }
}
