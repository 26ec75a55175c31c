public import JSON

extension CurrencyTotals {
    /// Writes the totals as clients see them.
    public func write(to writer: inout JSONWriter, amounts form: DecimalForm = .number) {
        writer.beginObject()
        writer.member("currency")
        writer.string(currency.code)
        writer.member("accounts")
        writer.integer(accounts)
        writer.member("balance")
        writer.decimal(balance.description, as: form)
        writer.member("held")
        writer.decimal(held.description, as: form)
        writer.member("deposited")
        writer.decimal(deposited.description, as: form)
        writer.member("withdrawn")
        writer.decimal(withdrawn.description, as: form)
        writer.endObject()
    }
}
