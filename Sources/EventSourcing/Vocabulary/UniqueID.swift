/// A UUID (RFC 9562): 128 bits, held as two big-endian halves so that it costs no allocation.
public struct UniqueID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Bytes 0 to 7.
    public let high: UInt64

    /// Bytes 8 to 15.
    public let low: UInt64

    /// A UUID from its two halves, taken as they are.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A version 7 UUID: 48 bits of milliseconds since 1970, then 74 random bits.
    public static func version7(at time: Timestamp, using generator: inout some RandomNumberGenerator) -> UniqueID {
        let milliseconds = UInt64(clamping: time.microseconds / 1000) & 0xFFFF_FFFF_FFFF
        let randomA = generator.next() & 0x0FFF
        let randomB = generator.next() & 0x3FFF_FFFF_FFFF_FFFF
        return UniqueID(high: milliseconds << 16 | 0x7000 | randomA, low: 0x8000_0000_0000_0000 | randomB)
    }

    /// A version 7 UUID with the system's random numbers.
    public static func version7(at time: Timestamp) -> UniqueID {
        var generator = SystemRandomNumberGenerator()
        return version7(at: time, using: &generator)
    }

    /// Parses the 36-character form, in either case; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (index, byte) in text.utf8.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Hexadecimal.value(of: byte) else { return nil }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    /// The 36-character lower-case form.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var at = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[at] = UInt8(ascii: "-")
                    at += 1
                }
                let half = index < 16 ? high : low
                buffer[at] = Hexadecimal.digit(UInt8(truncatingIfNeeded: half >> (60 - UInt64(index % 16) * 4)) & 0xF)
                at += 1
            }
            return 36
        }
    }

    /// Byte order, which for version 7 is the order of time.
    public static func < (left: UniqueID, right: UniqueID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
