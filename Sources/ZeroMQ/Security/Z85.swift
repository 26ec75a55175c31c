/// Bytes as text of 5 characters for each 4 bytes (ZeroMQ RFC 32).
enum Z85 {
    private static let digits = Array(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    /// The value of each ASCII character; 255: it is no digit.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 128)
        for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    /// The four bytes, as a big-endian number, that five characters stand for; nil if they stand for none.
    static func word(_ characters: some Sequence<UInt8>) -> UInt32? {
        var word: UInt64 = 0
        var count = 0
        for character in characters {
            guard character < 128, values[Int(character)] != 255, count < 5 else { return nil }
            word = word * 85 + UInt64(values[Int(character)])
            count += 1
        }
        return count == 5 ? UInt32(exactly: word) : nil
    }

    /// The five characters for four bytes.
    static func characters(_ word: UInt32) -> [UInt8] {
        var rest = word
        var characters = [UInt8](repeating: 0, count: 5)
        for index in (0..<5).reversed() {
            characters[index] = digits[Int(rest % 85)]
            rest /= 85
        }
        return characters
    }
}
