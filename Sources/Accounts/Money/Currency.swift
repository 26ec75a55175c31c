/// A currency of ISO 4217, which settles how many fractional digits its amounts have.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    /// The three capital letters, such as `USD`.
    public let code: String

    /// How many digits stand after the point: 2 for `USD`, 0 for `JPY`; 0 to 4.
    public let fractionDigits: Int

    /// The currency with this code; nil where ISO 4217 has none, or none with a minor unit. Capitals only.
    public init?(_ code: String) {
        guard let digits = CurrencyTable.fractionDigits(of: code) else { return nil }
        self.code = code
        fractionDigits = digits
    }

    private init(known code: String, fractionDigits: Int) {
        self.code = code
        self.fractionDigits = fractionDigits
    }

    /// The United States dollar: the currency of an account that is opened without naming one.
    public static let usd = Currency(known: "USD", fractionDigits: 2)

    /// The code.
    public var description: String { code }
}
