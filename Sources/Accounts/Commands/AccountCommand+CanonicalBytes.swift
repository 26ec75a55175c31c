internal import JSON

extension AccountCommand {
    /// The one form of the command, from which its fingerprint is taken: two requests have the same bytes exactly where
    /// they ask for the same thing. White space, the order of members, `500` or `"500.00"`, and a currency left out or
    /// named `USD`, make no difference; the owner counts byte by byte.
    ///
    /// Fingerprints are on record for ever, so this form must never change.
    public var canonicalBytes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("type")
        writer.string(type)
        switch self {
        case .open(let owner, let initialBalance, let currency):
            writer.member("owner")
            writer.string(owner)
            writer.member("initial_balance")
            writer.string(initialBalance.description)
            writer.member("currency")
            writer.string(currency.code)
        case .deposit(let amount), .withdraw(let amount):
            writer.member("amount")
            writer.string(amount.description)
        }
        writer.endObject()
        return writer.bytes
    }
}
