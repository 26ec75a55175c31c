/// A decimal number as a client writes an amount, before its currency is known: a JSON number, or a JSON string that
/// holds the same grammar. `500`, `500.0`, `5e2`, `50000e-2` are one number, and equal.
///
/// It holds exactly the numbers that are an amount in some currency, or are refused for a currency's sake: below 10^15
/// in magnitude, with at most four digits after the point. So it is one word in size whatever the text's length or
/// exponent, and nothing is ever rounded: what does not fit is an error.
public struct DecimalNumber: Hashable, Sendable {
    /// The magnitude in ten-thousandths, below 10^19.
    private let tenThousandths: UInt64

    /// Whether it is below zero. There is no negative zero.
    public let isNegative: Bool

    /// Reads a number by the grammar of RFC 8259, to the last byte: no plus sign, no leading zero, no white space.
    ///
    /// The time is proportional to the text's length, whatever the exponent.
    ///
    /// - Throws: `notANumber` where the text is none; `outOfRange` from 10^15 on; else `tooPrecise` for a digit other
    ///   than zero past the fourth after the point.
    public init(_ text: String) throws(AmountError) {
        var text = text
        let literal = text.withUTF8 { DecimalLiteral($0) }
        guard let literal else { throw .notANumber }
        guard literal.highestPower < 15 else { throw .outOfRange }
        guard literal.lowestPower >= -Money.mostFractionDigits else { throw .tooPrecise }
        tenThousandths = text.withUTF8 { literal.value(in: $0, timesTenToThe: Money.mostFractionDigits) }
        isNegative = literal.isNegative && tenThousandths > 0
    }

    /// A whole number; nil from 10^15 on.
    public init?(_ value: Int64) {
        guard value.magnitude < 1_000_000_000_000_000 else { return nil }
        tenThousandths = value.magnitude * 10_000
        isNegative = value < 0
    }

    /// The number that an amount is.
    public init(_ money: Money) {
        tenThousandths = money.minorUnits.magnitude * Self.step(of: money.fractionDigits)
        isNegative = money.minorUnits < 0
    }

    /// Whether it is zero.
    public var isZero: Bool { tenThousandths == 0 }

    /// The amount that it is in a currency.
    ///
    /// - Throws: `outOfRange` beyond ``Money/largestMinorUnits``; else `tooPrecise` where it has a digit other than zero
    ///   past those of the currency.
    public func money(in currency: Currency) throws(AmountError) -> Money {
        let (units, rest) = tenThousandths.quotientAndRemainder(dividingBy: Self.step(of: currency.fractionDigits))
        guard units <= UInt64(Money.largestMinorUnits) else { throw .outOfRange }
        guard rest == 0 else { throw .tooPrecise }
        let magnitude = Int64(units)
        return Money(checked: isNegative ? -magnitude : magnitude, fractionDigits: currency.fractionDigits)
    }

    /// How many ten-thousandths the smallest unit of so many digits is.
    private static func step(of fractionDigits: Int) -> UInt64 {
        switch fractionDigits {
        case 0: 10_000
        case 1: 1000
        case 2: 100
        case 3: 10
        default: 1
        }
    }
}

extension DecimalNumber: CustomStringConvertible {
    /// The one shortest plain form: `500`, `0.05`, `-12.5`. Equal numbers have equal descriptions.
    public var description: String {
        let (whole, fraction) = tenThousandths.quotientAndRemainder(dividingBy: 10_000)
        let sign = isNegative ? "-" : ""
        guard fraction > 0 else { return "\(sign)\(whole)" }
        var digits = 4
        var rest = fraction
        while rest % 10 == 0 {
            rest /= 10
            digits -= 1
        }
        let text = String(rest)
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - text.utf8.count) + text
    }
}
