extension Account {
    /// The amount of a movement, in the account's currency: above zero.
    func movement(_ number: DecimalNumber) throws(AccountRefusal) -> Money {
        let amount = try Self.money(number, in: currency, at: "/amount")
        guard amount.minorUnits > 0 else {
            throw .invalidField(pointer: "/amount", detail: "expected an amount greater than 0, found \(amount)")
        }
        return amount
    }

    /// An initial balance or a limit, in a currency: zero or more.
    static func limit(
        _ number: DecimalNumber, in currency: Currency, at pointer: String
    ) throws(AccountRefusal) -> Money {
        let amount = try money(number, in: currency, at: pointer)
        guard amount.minorUnits >= 0 else {
            throw .invalidField(pointer: pointer, detail: "expected an amount of 0 or more, found \(amount)")
        }
        return amount
    }

    private static func money(
        _ number: DecimalNumber, in currency: Currency, at pointer: String
    ) throws(AccountRefusal) -> Money {
        do {
            return try number.money(in: currency)
        } catch {
            let detail = error.detail(in: currency)
            throw error == .outOfRange
                ? .amountOutOfRange(pointer: pointer, detail: detail) : .invalidField(pointer: pointer, detail: detail)
        }
    }
}
