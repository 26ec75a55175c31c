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
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "-") where index == 0:
                isNegative = true
            case UInt8(ascii: ".") where integerDigits > 0 && !hasPoint:
                hasPoint = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if hasPoint {
                    fractionDigits += 1
                } else {
                    guard integerDigits == 0 || magnitude > 0 else { return nil }
                    integerDigits += 1
                }
                magnitude = magnitude * 10 + Int64(byte - UInt8(ascii: "0"))
                guard magnitude <= Self.largestMinorUnits, fractionDigits <= Self.mostFractionDigits else { return nil }
            default:
                return nil
            }
        }
        guard integerDigits > 0, hasPoint == (fractionDigits > 0), !(isNegative && magnitude == 0) else { return nil }
        self.init(checked: isNegative ? -magnitude : magnitude, fractionDigits: fractionDigits)
    }
}
