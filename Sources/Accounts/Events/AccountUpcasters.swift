internal import EventSourcing
internal import JSON

/// How older schemas of account events become the current one.
enum AccountUpcasters {
    static let chain = UpcasterChain(to: AccountEvent.schemaVersion, [recipe])

    /// From version 1, the shape of the recipe that Daybook grew from: amounts are JSON numbers that a program held as
    /// binary doubles, and there are no currencies, so all is USD.
    ///
    /// A double carries 15 significant decimal digits, and what a program adds up in doubles may end in digits beyond
    /// them, as 0.1 + 0.2 does with 0.30000000000000004. So an amount is rounded to 15 significant digits, in decimal
    /// arithmetic, and what is left must be whole cents.
    private static let recipe = Upcaster(from: 1) { type, data throws(EventDecodingError) in
        do throws(JSONError) {
            var members: [(name: String, value: JSONValue)] = []
            var reader = JSONReader(data)
            try reader.readObject { name, reader throws(JSONError) in
                members.append((name, try reader.readValue()))
            }
            try reader.finish()
            var writer = JSONWriter(reservingCapacity: 96)
            writer.beginObject()
            for (name, value) in members {
                writer.member(name: name)
                guard name == "amount" || name == "initial_balance" else {
                    writer.value(value)
                    continue
                }
                guard case .number(let number) = value, let text = DoubleAmount.cents(number.literal) else {
                    throw JSONError(
                        code: .unexpectedMember, offset: 0, pointer: JSONPointer.member(name),
                        reason: "expected a number of whole cents, found \(found(value))")
                }
                writer.string(text)
            }
            if type == "AccountOpened" {
                writer.member("currency")
                writer.string(Currency.usd.code)
            }
            writer.endObject()
            return writer.bytes
        } catch {
            throw EventDecodingError(type: type, schemaVersion: 1, reason: error.description)
        }
    }

    private static func found(_ value: JSONValue) -> String {
        if case .number(let number) = value { return number.literal }
        return "\(value.kind)"
    }
}
