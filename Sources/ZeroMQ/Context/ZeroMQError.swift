internal import CZeroMQ
internal import Glibc

/// A call to libzmq that failed.
public struct ZeroMQError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libzmq's or the system's error number, such as `EADDRINUSE`.
    public let number: Int32

    /// What was attempted, with the value that it was attempted with: `bind tcp://127.0.0.1:5570`.
    public let operation: String

    /// An error from a number and what was attempted.
    public init(number: Int32, operation: String) {
        self.number = number
        self.operation = operation
    }

    /// The error that libzmq reports for the call just made on this thread.
    static func last(_ operation: @autoclosure () -> String) -> ZeroMQError {
        ZeroMQError(number: zmq_errno(), operation: operation())
    }

    /// Whether the socket, or its context, is closed: nothing can be done with it any more.
    public var endsTheSocket: Bool { number == ENOTSOCK || number == ETERM }

    /// One sentence: what was attempted and why it failed.
    public var description: String {
        "cannot \(operation): \(String(cString: zmq_strerror(number)))"
    }
}
