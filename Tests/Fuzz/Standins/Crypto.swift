/// SHA-256 (FIPS 180-4) in place of swift-crypto, whose C sources take longer to compile than all that is fuzzed.
public struct SHA256 {
    /// The 32 bytes.
    public struct Digest: Sequence {
        fileprivate let bytes: [UInt8]

        /// One byte after another.
        public func makeIterator() -> IndexingIterator<[UInt8]> { bytes.makeIterator() }

        /// Whether they are these bytes.
        public static func == (digest: Digest, bytes: [UInt8]) -> Bool { digest.bytes == bytes }

        /// Lends the bytes.
        public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
            try bytes.withUnsafeBytes(body)
        }
    }

    private static let constants: [UInt32] = primes.map { fraction(of: $0, root: 3) }
    private static let primes: [UInt32] = {
        var primes: [UInt32] = []
        var number: UInt32 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ number % $0 != 0 }) { primes.append(number) }
            number += 1
        }
        return primes
    }()

    /// The first 32 bits of the fraction of a square or cube root, found bit by bit in whole numbers.
    private static func fraction(of number: UInt32, root: Int) -> UInt32 {
        // The root times 2^32, whose lower 32 bits are wanted.
        var found: UInt64 = 0
        for bit in (0..<36).reversed() {
            let candidate = found | 1 << bit
            let (high, low) = candidate.multipliedFullWidth(by: candidate)
            let isAtMost: Bool
            if root == 2 {
                isAtMost = (high, low) <= (UInt64(number), 0)
            } else {
                // candidate^3 <= number * 2^96, in three words.
                let lowProduct = low.multipliedFullWidth(by: candidate)
                let highProduct = high.multipliedFullWidth(by: candidate)
                let (middle, carry) = lowProduct.high.addingReportingOverflow(highProduct.low)
                let top = highProduct.high + (carry ? 1 : 0)
                isAtMost = (top, middle, lowProduct.low) <= (0, UInt64(number) << 32, 0)
            }
            if isAtMost { found = candidate }
        }
        return UInt32(truncatingIfNeeded: found)
    }

    private var state: [UInt32] = Self.start
    private static let start: [UInt32] = primes.prefix(8).map { fraction(of: $0, root: 2) }
    private var waiting: [UInt8] = []
    private var count: UInt64 = 0

    /// A hash of nothing yet.
    public init() {}

    /// Adds bytes.
    public mutating func update(data: some Sequence<UInt8>) {
        for byte in data {
            waiting.append(byte)
            count += 1
            if waiting.count == 64 { take() }
        }
    }

    /// Adds bytes.
    public mutating func update(bufferPointer: UnsafeRawBufferPointer) { update(data: bufferPointer) }

    /// The hash of what was added.
    public func finalize() -> Digest {
        var copy = self
        let bits = count * 8
        copy.update(data: [0x80])
        while copy.waiting.count != 56 { copy.update(data: [0]) }
        copy.update(data: (0..<8).reversed().map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) })
        return Digest(
            bytes: copy.state.flatMap { word in
                (0..<4).reversed().map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
            })
    }

    private mutating func take() {
        func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        var words = (0..<16).map { index in
            waiting[(index * 4)..<(index * 4 + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<64 {
            let (early, late) = (words[index - 15], words[index - 2])
            words.append(
                words[index - 16] &+ (turned(early, 7) ^ turned(early, 18) ^ early >> 3) &+ words[index - 7]
                    &+ (turned(late, 17) ^ turned(late, 19) ^ late >> 10))
        }
        var v = state
        for index in 0..<64 {
            let choice = v[4] & v[5] ^ ~v[4] & v[6]
            let first =
                v[7] &+ (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) &+ choice &+ Self.constants[index]
                &+ words[index]
            let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]
            let second = (turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) &+ majority
            v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for index in 0..<8 { state[index] &+= v[index] }
        waiting.removeAll(keepingCapacity: true)
    }
}

/// A key for ``HMAC``.
public struct SymmetricKey: Sendable {
    /// The sizes of keys.
    public enum Size {
        /// 32 bytes.
        case bits256
    }

    fileprivate let bytes: [UInt8]

    /// A key of these bytes.
    public init(data: [UInt8]) { bytes = data }

    /// A key of a size: always the same one, so that findings can be repeated.
    public init(size: Size) { bytes = [UInt8](repeating: 7, count: 32) }
}

/// HMAC (RFC 2104) with SHA-256.
public struct HMAC<Hash> {
    private let block: [UInt8]
    private var inner = SHA256()

    /// A code of nothing yet.
    public init(key: SymmetricKey) {
        var block = key.bytes
        if block.count > 64 {
            var hasher = SHA256()
            hasher.update(data: block)
            block = Array(hasher.finalize())
        }
        self.block = block + [UInt8](repeating: 0, count: 64 - block.count)
        inner.update(data: self.block.map { $0 ^ 0x36 })
    }

    /// Adds bytes.
    public mutating func update(data: [UInt8]) { inner.update(data: data) }

    /// The code of what was added.
    public func finalize() -> SHA256.Digest {
        var outer = SHA256()
        outer.update(data: block.map { $0 ^ 0x5C })
        outer.update(data: inner.finalize())
        return outer.finalize()
    }

    /// The code of a message.
    public static func authenticationCode(for message: [UInt8], using key: SymmetricKey) -> SHA256.Digest {
        var code = HMAC(key: key)
        code.update(data: message)
        return code.finalize()
    }

    /// Whether a code is that of a message.
    public static func isValidAuthenticationCode(
        _ code: [UInt8], authenticating message: [UInt8], using key: SymmetricKey
    ) -> Bool { authenticationCode(for: message, using: key) == code }
}
