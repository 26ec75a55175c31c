/// Why a text is no amount.
public enum AmountError: Error, Hashable, Sendable {
    /// It is not a decimal number by the grammar of JSON.
    case notANumber
    /// It has more fractional digits than the currency.
    case tooPrecise
    /// It is beyond 15 significant digits.
    case outOfRange
}

extension AmountError {
    /// What a client is told, with the bound that it must keep to. Without a currency, that of any currency.
    func detail(in currency: Currency?) -> String {
        switch self {
        case .notANumber:
            return "expected a decimal number"
        case .tooPrecise:
            guard let currency else { return "no currency has more than \(Money.mostFractionDigits) fractional digits" }
            let digits = currency.fractionDigits
            return switch digits {
            case 0: "expected no fractional digits, as \(currency) has none"
            case 1: "expected at most 1 fractional digit, as \(currency) has"
            default: "expected at most \(digits) fractional digits, as \(currency) has"
            }
        case .outOfRange:
            guard let currency else { return "no amount and no balance may be beyond 15 significant digits" }
            return "no amount and no balance in \(currency) may be beyond \(Money.largest(in: currency))"
        }
    }
}
