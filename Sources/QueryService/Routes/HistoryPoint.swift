public import EventSourcing

/// A point of a log's history as a client holds it: a position, and enough of the hash there to tell one history of the
/// log from another. Its text is the `id` of a feed's events: `42-9e560c9ab1d2f3a4`.
public struct HistoryPoint: Hashable, Sendable, CustomStringConvertible {
    /// The position, 0 for the beginning of the log.
    public let position: UInt64
    /// The first 8 bytes of the hash there; nil if the client did not say.
    public let hashPrefix: UInt64?

    /// A point from a position and the whole hash there.
    public init(position: UInt64, hash: Digest256) {
        self.position = position
        hashPrefix = hash.words.0
    }

    /// A point from a position alone.
    public init(position: UInt64) {
        self.position = position
        hashPrefix = nil
    }

    /// Reads a position, alone or with a dash and 16 hexadecimal digits after it; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let digits = parts.first, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let position = UInt64(digits)
        else { return nil }
        self.position = position
        guard parts.count == 2 else {
            hashPrefix = nil
            return
        }
        guard parts[1].utf8.count == 16, parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit }),
            let prefix = UInt64(parts[1], radix: 16)
        else { return nil }
        hashPrefix = prefix
    }

    /// The position, and after a dash the first 16 hexadecimal digits of the hash, if they are known.
    public var description: String {
        guard let hashPrefix else { return String(position) }
        let digits = String(hashPrefix, radix: 16)
        return "\(position)-\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)"
    }
}
