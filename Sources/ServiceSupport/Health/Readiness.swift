public import JSON

/// Whether a service can do its job now.
public struct Readiness: Hashable, Sendable {
    /// What is missing, each in one sentence; none: it can.
    public let missing: [String]
    /// What an operator should look at though the service does its job, each in one sentence; in `/readyz` only.
    public let warnings: [String]
    /// Words that an operator wants beside it, such as the log's id; in `/readyz` only.
    public let details: [JSONValue.Member]
    /// Figures, in `/readyz` and in `/metrics`.
    public let figures: [Figure]

    /// A readiness from its parts.
    public init(
        missing: [String], warnings: [String] = [], details: [JSONValue.Member] = [], figures: [Figure] = []
    ) {
        self.missing = missing
        self.warnings = warnings
        self.details = details
        self.figures = figures
    }
}
