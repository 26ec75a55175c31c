#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
    /// The error number, such as `EACCES`.
    let number: Int32

    /// The error of the call just made on this thread.
    static var last: SystemError { SystemError(number: errno) }

    /// The system's words for it.
    var description: String { String(cString: strerror(number)) }
}
