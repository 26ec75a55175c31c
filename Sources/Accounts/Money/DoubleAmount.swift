/// Amounts that a program held as binary doubles and wrote as JSON numbers.
enum DoubleAmount {
    /// The most decimal digits that every double carries (`DBL_DIG` of C).
    private static let significantDigits = 15

    /// The amount in dollars and cents, `1300.00`: the literal rounded to 15 significant digits, half away from zero;
    /// nil where that is not whole cents, is out of range, or the literal is no JSON number.
    ///
    /// All in decimal digits: no value passes through a binary floating-point type.
    static func cents(_ literal: String) -> String? {
        guard let decimal = Decimal(literal) else { return nil }
        let rounded = decimal.rounded(to: significantDigits)
        // -2 is the power of ten of a cent.
        guard let units = rounded.units(ofPower: -2), units <= UInt64(Money.largestMinorUnits) else { return nil }
        let magnitude = Int64(units)
        return Money(minorUnits: decimal.isNegative ? -magnitude : magnitude, fractionDigits: 2)?.description
    }

    /// Digits and the power of ten of the last of them.
    private struct Decimal {
        let isNegative: Bool
        private var digits: [UInt8]
        private var lastPower: Int

        init?(_ literal: String) {
            // The grammar of JSON numbers was checked by whoever read the literal.
            var digits: [UInt8] = []
            var lastPower = 0
            var rest = Array(literal.utf8)[...]
            isNegative = rest.first == UInt8(ascii: "-")
            if isNegative { rest = rest.dropFirst() }
            var isFraction = false
            while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
                rest = rest.dropFirst()
                if byte == UInt8(ascii: ".") {
                    isFraction = true
                    continue
                }
                guard byte &- UInt8(ascii: "0") < 10 else { return nil }
                // Leading zeros are no digits.
                if !digits.isEmpty || byte != UInt8(ascii: "0") { digits.append(byte - UInt8(ascii: "0")) }
                if isFraction { lastPower -= 1 }
            }
            if !rest.isEmpty {
                guard let exponent = Int(String(decoding: rest.dropFirst(), as: UTF8.self)), exponent.magnitude <= 400
                else {
                    return nil
                }
                lastPower += exponent
            }
            self.digits = digits
            self.lastPower = lastPower
        }

        func rounded(to count: Int) -> Decimal {
            guard digits.count > count else { return self }
            var result = self
            result.lastPower += digits.count - count
            result.digits = Array(digits.prefix(count))
            guard digits[count] >= 5 else { return result }
            var at = count - 1
            while at >= 0, result.digits[at] == 9 {
                result.digits[at] = 0
                at -= 1
            }
            if at >= 0 { result.digits[at] += 1 } else { result.digits.insert(1, at: 0) }
            return result
        }

        /// How many units of a power of ten it is; nil where it is not a whole number of them, or too many.
        func units(ofPower power: Int) -> UInt64? {
            var digits = digits
            var lastPower = lastPower
            while digits.last == 0 {
                digits.removeLast()
                lastPower += 1
            }
            if digits.isEmpty { return 0 }
            guard lastPower >= power, digits.count + lastPower - power <= 18 else { return nil }
            let value = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1) }
            return (power..<lastPower).reduce(value) { value, _ in value * 10 }
        }
    }
}
