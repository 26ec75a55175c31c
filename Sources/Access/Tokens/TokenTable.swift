internal import EventSourcing

/// The tokens in force, found by their digests.
///
/// Where a digest is looked for depends on a hash under a key of this process (`Hasher`), and digests are compared whole
/// and in constant time, also if there is none to compare with: so how long a search takes says nothing about digests that
/// are near one that was asked for.
struct TokenTable: Sendable {
    /// A token in force.
    struct Entry: Sendable {
        let digest: Digest256
        let expires: Timestamp?
        /// Who shows it.
        let caller: Caller
    }

    private let entries: [Entry]
    private let byFirstWord: [UInt64: [Int]]
    private let byName: [String: Int]
    /// What an unknown digest is compared with.
    private let none = Digest256(0, 0, 0, 0)

    init(_ tokens: [TokenEntry]) {
        entries = tokens.map { token in
            Entry(
                digest: token.digest, expires: token.expires,
                caller: Caller(
                    actor: token.name, standing: .role(token.role), reach: token.reach,
                    credential: .token(name: token.name, digest: token.digest.bytes)))
        }
        byFirstWord = Dictionary(grouping: entries.indices) { [entries] in entries[$0].digest.words.0 }
        byName = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($0.element.name, $0.offset) })
    }

    /// The names of all tokens.
    var names: some Sequence<String> { byName.keys }

    /// The token of a digest, whether or not its time is over.
    func entry(of digest: Digest256) -> Entry? {
        guard let candidates = byFirstWord[digest.words.0] else {
            _ = digest.equalsInConstantTime(none)
            return nil
        }
        var found: Int?
        for candidate in candidates where entries[candidate].digest.equalsInConstantTime(digest) { found = candidate }
        return found.map { entries[$0] }
    }

    /// The token of a name.
    func entry(named name: String) -> Entry? { byName[name].map { entries[$0] } }
}

extension Digest256 {
    /// Whether all 32 bytes agree, in a time that does not depend on which of them do.
    func equalsInConstantTime(_ other: Digest256) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }
}
