/// How much space a store takes on its disk, in bytes.
public struct StoreUsage: Hashable, Sendable {
    /// What holds the records.
    public let bytes: UInt64
    /// What was written and still has to be brought to its final place, such as a write-ahead log.
    public let pendingBytes: UInt64
    /// Why `pendingBytes` is unusually large and what to do about it, in one sentence for people; nil if it is not.
    public let warning: String?

    /// A usage from its parts.
    public init(bytes: UInt64, pendingBytes: UInt64, warning: String? = nil) {
        self.bytes = bytes
        self.pendingBytes = pendingBytes
        self.warning = warning
    }
}
