/// The public half of a pair of keys of CURVE (ZeroMQ RFC 26): 32 bytes, written as 40 characters of Z85 (RFC 32).
///
/// Whoever holds the secret half proves it in the handshake; so the public half names a peer.
public struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The bytes of a key.
    public static let byteCount = 32
    /// The characters of its text.
    public static let characterCount = 40

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// A key from its text; nil if that is anything but 40 characters of Z85.
    public init?(_ text: some StringProtocol) {
        self.init(characters: text.utf8)
    }

    /// A key from the characters of its text.
    init?(characters: some Collection<UInt8>) {
        guard characters.count == Self.characterCount else { return nil }
        var words: [UInt64] = []
        var rest = characters[...]
        for _ in 0..<4 {
            guard let high = Z85.word(rest.prefix(5)), let low = Z85.word(rest.dropFirst(5).prefix(5)) else {
                return nil
            }
            words.append(UInt64(high) << 32 | UInt64(low))
            rest = rest.dropFirst(10)
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// A key from its bytes; nil if there are not 32 of them.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (index, byte) in bytes.enumerated() {
            switch index / 8 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        self.words = words
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The 40 characters.
    public var description: String {
        let halves = [words.0, words.1, words.2, words.3].flatMap {
            [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)]
        }
        return String(decoding: halves.flatMap(Z85.characters), as: UTF8.self)
    }

    /// Whether they are the same key.
    public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    /// Hashes the key.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
