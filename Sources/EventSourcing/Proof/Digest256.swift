internal import Crypto

/// 32 bytes of SHA-256, held as four big-endian words so that a record costs no allocation for its hash.
public struct Digest256: Hashable, Sendable, CustomStringConvertible {
    /// Bytes 0 to 7, 8 to 15, 16 to 23 and 24 to 31.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    /// A digest from its four words.
    public init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        words = (first, second, third, fourth)
    }

    /// A digest from 32 bytes; nil for any other number.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: [4 of UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() {
            words[index / 8] = words[index / 8] << 8 | UInt64(byte)
        }
        self.init(words[0], words[1], words[2], words[3])
    }

    /// A digest from its 64 hexadecimal digits, in either case; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Hexadecimal.value(of: digits[index]), let low = Hexadecimal.value(of: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes)
    }

    /// SHA-256 of bytes.
    public init(hashing bytes: [UInt8]) {
        var hasher = SHA256()
        hasher.update(data: bytes)
        self.init(hasher.finalize())
    }

    init(_ digest: SHA256.Digest) {
        self = digest.withUnsafeBytes { bytes in
            func word(_ offset: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return Digest256(word(0), word(8), word(16), word(24))
        }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            raw.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
            raw.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
            raw.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
            count = 32
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String {
        String(unsafeUninitializedCapacity: 64) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = Hexadecimal.digit(byte >> 4)
                buffer[2 * index + 1] = Hexadecimal.digit(byte & 0xF)
            }
            return 64
        }
    }

    /// Whether all 32 bytes agree.
    public static func == (left: Digest256, right: Digest256) -> Bool { left.words == right.words }

    /// Hashes the first word: the bytes are uniform already.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
