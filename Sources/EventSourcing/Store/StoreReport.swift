/// What a store says of itself to those who operate it: for readiness and metrics.
public struct StoreReport: Hashable, Sendable {
    /// A value by its name, both printable.
    public struct Detail: Hashable, Sendable {
        /// Such as `synchronous_standby_names`.
        public let name: String
        /// What it is now.
        public let value: String

        /// A detail from its parts.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Whether a commit is acknowledged only when it is durable on more than one machine; nil: the store has one machine by
    /// its nature.
    public let isReplicated: Bool?
    /// Which lead this program has, as in ``StoreLease/epoch``.
    public let epoch: UInt64
    /// What it depends on, for people.
    public let details: [Detail]
    /// What is not as it should be and what to do about it, each one sentence for people. The store works nevertheless.
    public let warnings: [String]

    /// A report from its parts.
    public init(isReplicated: Bool? = nil, epoch: UInt64 = 0, details: [Detail] = [], warnings: [String] = []) {
        self.isReplicated = isReplicated
        self.epoch = epoch
        self.details = details
        self.warnings = warnings
    }
}
