extension Money: CustomStringConvertible {
    /// The amount with exactly its fractional digits: `1300.00`, `-0.05`, `5`. It is a JSON number as it stands.
    public var description: String {
        var rest = minorUnits.magnitude
        var digits = 1
        var scale: UInt64 = 10
        // At least one digit before the point, however small the amount.
        while digits <= fractionDigits || rest >= scale {
            scale *= 10
            digits += 1
        }
        let count = (minorUnits < 0 ? 1 : 0) + digits + (fractionDigits > 0 ? 1 : 0)
        // No more room than is needed: up to 15 bytes stand in the string itself.
        return String(unsafeUninitializedCapacity: count) { buffer in
            var at = count
            for index in 0..<digits {
                if index == fractionDigits, index > 0 {
                    at -= 1
                    buffer[at] = UInt8(ascii: ".")
                }
                at -= 1
                buffer[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            if minorUnits < 0 { buffer[0] = UInt8(ascii: "-") }
            return count
        }
    }

    /// Reads the form in which events hold amounts, which is that of ``description``; the digits after the point are
    /// counted. Nil for everything else: a needless zero, a minus before nothing, an exponent, an amount out of range.
    public init?(exactText text: String) {
        var text = text
        guard let money = text.withUTF8({ Money(exactText: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = money
    }

    /// Reads the same from its bytes.
    init?(exactText text: UnsafeRawBufferPointer) {
        var magnitude: Int64 = 0
        var integerDigits = 0
        var fractionDigits = 0
        var isNegative = false
        var hasPoint = false
        for index in text.indices {
            let digit = text[index] &- UInt8(ascii: "0")
            if digit < 10 {
                if hasPoint {
                    fractionDigits += 1
                } else {
                    guard integerDigits == 0 || magnitude > 0 else { return nil }
                    integerDigits += 1
                }
                magnitude = magnitude * 10 + Int64(digit)
                guard magnitude <= Self.largestMinorUnits, fractionDigits <= Self.mostFractionDigits else { return nil }
            } else if text[index] == UInt8(ascii: "."), integerDigits > 0, !hasPoint {
                hasPoint = true
            } else if text[index] == UInt8(ascii: "-"), index == 0 {
                isNegative = true
            } else {
                return nil
            }
        }
        guard integerDigits > 0, hasPoint == (fractionDigits > 0), !(isNegative && magnitude == 0) else { return nil }
        self.init(checked: isNegative ? -magnitude : magnitude, fractionDigits: fractionDigits)
    }
}

extension Currency {
    /// Nothing, as an amount of the currency is written: ready as a text, since nearly every account shows it.
    var zeroText: String {
        switch fractionDigits {
        case 0: "0"
        case 1: "0.0"
        case 2: "0.00"
        case 3: "0.000"
        default: "0.0000"
        }
    }
}
