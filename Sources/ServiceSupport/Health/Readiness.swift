public import JSON

/// Whether a service can do its job now.
public struct Readiness: Hashable, Sendable {
    /// What is missing, each in one sentence; none: it can.
    public let missing: [String]
    /// Words that an operator wants beside it, such as the log's id; in `/readyz` only.
    public let details: [JSONValue.Member]
    /// Figures, in `/readyz` and in `/metrics`.
    public let figures: [Figure]

    /// A readiness from its parts.
    public init(missing: [String], details: [JSONValue.Member] = [], figures: [Figure] = []) {
        self.missing = missing
        self.details = details
        self.figures = figures
    }
}
