internal import EventSourcing

/// The JSON Web Tokens whose signatures were verified, by the digests of their texts, so that each is verified once.
///
/// Holds at most ``maxCount``; one more takes the place of the oldest. Names and patterns are bounded, so this is
/// about a kilobyte a token at most.
struct VerifiedTokens: Sendable {
    /// A verified token.
    struct Entry: Sendable {
        /// Who shows it.
        let caller: Caller
        /// When it ends, in seconds since 1970.
        let expires: Int64
        /// The key that it is signed with.
        let key: Digest256
    }

    /// The most tokens.
    static let maxCount = 10_000

    private let maxCount: Int
    private var entries: [Digest256: Entry] = [:]
    /// The digests in the order in which they came, as a ring.
    private var ring: [Digest256] = []
    private var oldest = 0

    init(maxCount: Int = Self.maxCount) { self.maxCount = max(1, maxCount) }

    var count: Int { entries.count }

    subscript(digest: Digest256) -> Entry? { entries[digest] }

    mutating func insert(_ entry: Entry, for digest: Digest256) {
        guard entries.updateValue(entry, forKey: digest) == nil else { return }
        if ring.count < maxCount {
            ring.append(digest)
        } else {
            entries[ring[oldest]] = nil
            ring[oldest] = digest
            oldest = (oldest + 1) % maxCount
        }
    }

    /// Keeps those that were signed with keys of a set.
    mutating func keep(signedBy keys: WebKeySet) {
        let kept = ring[oldest...] + ring[..<oldest]
        let entries = entries
        self = VerifiedTokens(maxCount: maxCount)
        for digest in kept {
            if let entry = entries[digest], keys.has(entry.key) { insert(entry, for: digest) }
        }
    }
}
