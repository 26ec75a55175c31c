/// Why a request's body is no command.
public enum CommandParsingError: Error, Hashable, Sendable {
    /// It is not JSON: broken syntax, not UTF-8, or nested too deep.
    case malformedJSON(detail: String)
    /// It is JSON, but not a command: everything that is wrong with it, at most ``maxProblems``.
    case invalidCommand([FieldError])
    /// It is a command, but for an amount beyond 15 significant digits.
    case amountOutOfRange(FieldError)

    /// How many problems are listed at most, so that the answer to a hostile body stays small.
    public static let maxProblems = 100
}

/// What is wrong with one member of a request's body.
public struct FieldError: Hashable, Sendable, CustomStringConvertible {
    /// Which member, as a JSON pointer (RFC 6901); empty for the body itself.
    public let pointer: String
    /// What was expected there, and what was found.
    public let detail: String

    /// A problem from its parts.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }

    /// Pointer and detail.
    public var description: String { pointer.isEmpty ? detail : "\(pointer): \(detail)" }
}
