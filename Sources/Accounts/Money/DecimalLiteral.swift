/// The shape of a decimal literal: where its digits are and which powers of ten they stand for.
///
/// Powers are all that is needed to refuse what is too large or too fine before a single digit is multiplied.
struct DecimalLiteral {
    /// Exponents are held to this size. It is far beyond the digits that any text in memory has, so a literal whose
    /// exponent is cut to it is out of range, or too precise, just as it was before.
    private static let longestExponent = 1 << 48

    let isNegative: Bool
    /// The digits before and after the point, as places in the text; the point itself is among them.
    private let digits: Range<Int>
    /// The power of ten of the first digit that is not zero; for zero, that of the units.
    private(set) var highestPower = 0
    /// The power of ten of the last digit that is not zero; for zero, that of the units.
    private(set) var lowestPower = 0

    /// Reads `-`? int frac? exp? of RFC 8259; nil for everything else.
    init?(_ text: UnsafeBufferPointer<UInt8>) {
        var at = 0
        var next: UInt8 { at < text.count ? text[at] : 0 }
        func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

        isNegative = next == UInt8(ascii: "-")
        if isNegative { at += 1 }
        let start = at
        while isDigit(next) { at += 1 }
        let integerDigits = at - start
        guard integerDigits > 0, integerDigits == 1 || text[start] != UInt8(ascii: "0") else { return nil }
        if next == UInt8(ascii: ".") {
            at += 1
            guard isDigit(next) else { return nil }
            while isDigit(next) { at += 1 }
        }
        digits = start..<at
        var exponent = 0
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            at += 1
            let isBelow = next == UInt8(ascii: "-")
            if isBelow || next == UInt8(ascii: "+") { at += 1 }
            guard isDigit(next) else { return nil }
            while isDigit(next) {
                exponent = min(exponent * 10 + Int(next - UInt8(ascii: "0")), Self.longestExponent)
                at += 1
            }
            if isBelow { exponent.negate() }
        }
        guard at == text.count else { return nil }

        func isSignificant(_ byte: UInt8) -> Bool { byte != UInt8(ascii: "0") && byte != UInt8(ascii: ".") }
        func power(of place: Int) -> Int {
            let before = start + integerDigits
            return exponent + (place < before ? before - 1 - place : before - place)
        }
        if let first = text[digits].firstIndex(where: isSignificant),
            let last = text[digits].lastIndex(where: isSignificant)
        {
            highestPower = power(of: first)
            lowestPower = power(of: last)
        }
    }

    /// The magnitude times a power of ten. The caller has made sure that it is a whole number and fits 64 bits.
    func value(in text: UnsafeBufferPointer<UInt8>, timesTenToThe power: Int) -> UInt64 {
        var value: UInt64 = 0
        var left = highestPower - lowestPower + 1
        for byte in text[digits] where byte != UInt8(ascii: ".") {
            guard left > 0 else { break }
            guard value > 0 || byte != UInt8(ascii: "0") else { continue }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
            left -= 1
        }
        for _ in 0..<lowestPower + power where value > 0 { value *= 10 }
        return value
    }
}
