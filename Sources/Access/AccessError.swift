/// Why a file or setting of access cannot be used: one sentence that names it, without a secret in it.
public struct AccessError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String
    /// Whether it may be otherwise the next time, without anybody correcting anything: the disk is full or fails.
    public let mayPass: Bool

    /// An error with its sentence.
    public init(_ description: String, mayPass: Bool = false) {
        self.description = description
        self.mayPass = mayPass
    }
}
