/// When the command service takes snapshots of aggregates, and how often it checks one.
public struct SnapshotPolicy: Hashable, Sendable {
    /// One after every so many events of an aggregate; 0: none.
    public var interval: UInt64
    /// One of so many snapshots that are loaded is compared with the fold of all events; 0: none.
    public var auditedOneIn: UInt64

    /// A policy from its parts.
    public init(interval: UInt64 = 200, auditedOneIn: UInt64 = 100) {
        self.interval = interval
        self.auditedOneIn = auditedOneIn
    }

    /// Whether a snapshot is due where an aggregate has come from one version to another.
    func isDue(from before: UInt64, to version: UInt64) -> Bool {
        interval > 0 && version / interval > before / interval
    }
}
