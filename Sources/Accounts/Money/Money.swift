/// An exact amount of money: a whole number of a currency's smallest units. Its currency is known from where it stands.
///
/// It is bounded to 15 significant digits, so that a client that reads JSON numbers as IEEE doubles still sees the
/// exact value. No binary floating-point type is used anywhere.
public struct Money: Hashable, Comparable, Sendable {
    /// The largest magnitude, in minor units: 15 nines.
    public static let largestMinorUnits: Int64 = 999_999_999_999_999

    /// The most fractional digits of any currency.
    public static let mostFractionDigits = 4

    /// The amount in the currency's smallest units: cents for dollars.
    public let minorUnits: Int64

    /// How many digits stand after the point: 0 to 4.
    public let fractionDigits: Int

    /// An amount from its smallest units; nil beyond ``largestMinorUnits`` on either side of zero, or for another
    /// number of digits than 0 to 4.
    public init?(minorUnits: Int64, fractionDigits: Int) {
        guard (-Self.largestMinorUnits...Self.largestMinorUnits).contains(minorUnits),
            (0...Self.mostFractionDigits).contains(fractionDigits)
        else { return nil }
        self.init(checked: minorUnits, fractionDigits: fractionDigits)
    }

    /// An amount that is known to be within the bounds.
    init(checked minorUnits: Int64, fractionDigits: Int) {
        self.minorUnits = minorUnits
        self.fractionDigits = fractionDigits
    }

    /// Nothing, in this currency.
    public static func zero(in currency: Currency) -> Money {
        Money(checked: 0, fractionDigits: currency.fractionDigits)
    }

    /// The largest amount in this currency: `9999999999999.99` for `USD`.
    public static func largest(in currency: Currency) -> Money {
        Money(checked: largestMinorUnits, fractionDigits: currency.fractionDigits)
    }

    /// The sum, exactly.
    ///
    /// - Throws: `differentDigits` where the two cannot be of one currency, `outOfRange` where the sum is beyond
    ///   ``largestMinorUnits``.
    public func adding(_ other: Money) throws(MoneyError) -> Money {
        guard fractionDigits == other.fractionDigits else { throw .differentDigits }
        // Two amounts within the bounds are far from the end of Int64 even together.
        guard let sum = Money(minorUnits: minorUnits + other.minorUnits, fractionDigits: fractionDigits) else {
            throw .outOfRange
        }
        return sum
    }

    /// The difference, exactly.
    ///
    /// - Throws: as ``adding(_:)``.
    public func subtracting(_ other: Money) throws(MoneyError) -> Money {
        try adding(Money(checked: -other.minorUnits, fractionDigits: other.fractionDigits))
    }

    /// Less before more. Both must have the same number of fractional digits: anything else is an error in the program.
    public static func < (left: Money, right: Money) -> Bool {
        precondition(left.fractionDigits == right.fractionDigits, "amounts of different currencies have no order")
        return left.minorUnits < right.minorUnits
    }
}

/// Why two amounts could not be added.
public enum MoneyError: Error, Hashable, Sendable {
    /// They have different numbers of fractional digits.
    case differentDigits
    /// The result is beyond ``Money/largestMinorUnits``.
    case outOfRange
}
