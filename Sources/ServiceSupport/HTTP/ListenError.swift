internal import Glibc
internal import NIOCore

/// Why an address cannot be listened at, in the system's words and not in those of a library.
enum ListenError {
    static func reason(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}
