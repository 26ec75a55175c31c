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
    /// Whether another service of the same log may obey the request, or may have obeyed it: the connection was lost or did
    /// not stand, or the service does not lead.
    let concernsOneService: Bool

    /// An error with its reason.
    public init(_ code: Code, _ reason: String) {
        self.init(code, reason, concernsOneService: false)
    }

    init(_ code: Code, _ reason: String, concernsOneService: Bool) {
        self.code = code
        self.reason = reason
        self.concernsOneService = concernsOneService
    }

    /// Whether code and reason are the same.
    public static func == (left: Self, right: Self) -> Bool { (left.code, left.reason) == (right.code, right.reason) }

    /// Hashes what is compared.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(reason)
    }

    /// The code and the reason.
    public var description: String { "event log \(code): \(reason)" }
}
