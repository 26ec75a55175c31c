/// A command key as a log has it.
public struct RecordedKey: Hashable, Sendable {
    /// The stream that is its scope.
    public let scope: StreamID
    /// The key, of 1 to ``CommandKey/longestKey`` bytes.
    public let key: [UInt8]
    /// The digest of the command that it is bound to.
    public let fingerprint: Digest256
    /// What became of the command.
    public let outcome: KeyedOutcome

    /// A key from its parts.
    public init(scope: StreamID, key: [UInt8], fingerprint: Digest256, outcome: KeyedOutcome) {
        self.scope = scope
        self.key = key
        self.fingerprint = fingerprint
        self.outcome = outcome
    }

    /// The position of the last event of its append; of a refusal the head at that moment.
    public var position: UInt64 { outcome.commit.position }
}

/// The command keys of a log in the order of their positions, read page by page.
public final class RecordedKeys {
    private let nextPage: () throws -> [RecordedKey]
    private var page: ArraySlice<RecordedKey> = []
    private var hasEnded = false

    /// Keys that come in pages; an empty page is the end.
    public init(nextPage: @escaping () throws -> [RecordedKey]) { self.nextPage = nextPage }

    /// Takes the next key if its position is not after `position`; nil if it is, or if there is none.
    public func next(through position: UInt64 = .max) throws -> RecordedKey? {
        if page.isEmpty, !hasEnded {
            page = try nextPage()[...]
            hasEnded = page.isEmpty
        }
        guard let first = page.first, first.position <= position else { return nil }
        return page.removeFirst()
    }
}
