/// Why the log did not obey a request, and what that means for the sender.
public struct EventLogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the sender must assume.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// The log cannot be reached; nothing was sent, so nothing was done.
        public static let unavailable = Code(description: "unavailable")
        /// The log, or this client, has as much to do as it takes; nothing was done.
        public static let overloaded = Code(description: "overloaded")
        /// The request was sent and no answer came: it may have been carried out, or may still be.
        public static let outcomeUnknown = Code(description: "outcome unknown")
        /// The log refused the request for good; nothing was done.
        public static let refused = Code(description: "refused")
    }

    /// What the sender must assume.
    public let code: Code
    /// What happened, in words.
    public let reason: String

    /// An error with its reason.
    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    /// The code and the reason.
    public var description: String { "event log \(code): \(reason)" }
}
