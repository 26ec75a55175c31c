public import EventSourcing

/// An account with a record that cannot be applied: what it is now is not known, only what it was before that record.
public struct UnreadableAccount: Hashable, Sendable {
    /// The longest reason that is kept, in characters.
    static let maxReason = 300

    /// The account's id.
    public let name: String
    /// The position of the first record that cannot be applied.
    public let position: UInt64
    /// Its version in the account's history.
    public let version: UInt64
    /// When it was recorded.
    public let recordedAt: Timestamp
    /// Why it cannot be applied: at most 300 printable characters.
    public let reason: String

    init(name: String, position: UInt64, version: UInt64, recordedAt: Timestamp, reason: String) {
        self.name = name
        self.position = position
        self.version = version
        self.recordedAt = recordedAt
        self.reason = reason
    }

    /// The account of a record that cannot be applied.
    public init(_ error: RevisionError) {
        name = error.stream.name
        position = error.position
        version = error.streamVersion
        recordedAt = error.recordedAt
        reason = Self.printable(error.reason)
    }

    /// Text that may repeat what a record holds, cut and without characters that steer a terminal or mislead who reads.
    static func printable(_ text: String) -> String {
        var printable = ""
        for scalar in text.unicodeScalars.prefix(maxReason) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate:
                printable.unicodeScalars.append("\u{FFFD}")
            default: printable.unicodeScalars.append(scalar)
            }
        }
        return printable
    }
}
