/// A sum of amounts of one currency: exact, and not bounded as a single amount is.
///
/// No log can take it beyond `Int128`: an event moves less than 2⁵⁰ minor units, and there are fewer than 2⁶³ events.
public struct TotalAmount: Hashable, Sendable, CustomStringConvertible {
    /// The sum in the currency's smallest units.
    public let minorUnits: Int128
    /// How many digits stand after the point: 0 to 4.
    public let fractionDigits: Int

    init(_ minorUnits: Int128, in currency: Currency) {
        self.minorUnits = minorUnits
        fractionDigits = currency.fractionDigits
    }

    /// The sum with exactly its fractional digits: `1300.00`. It is a JSON number as it stands.
    public var description: String {
        let sign = minorUnits < 0 ? "-" : ""
        var digits = String(minorUnits.magnitude)
        guard fractionDigits > 0 else { return sign + digits }
        // At least one digit before the point.
        if digits.utf8.count <= fractionDigits {
            digits = String(repeating: "0", count: fractionDigits + 1 - digits.utf8.count) + digits
        }
        return "\(sign)\(digits.dropLast(fractionDigits)).\(digits.suffix(fractionDigits))"
    }
}
