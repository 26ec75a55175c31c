public import EventSourcing
public import JSON

extension Revision<Account> {
    /// Writes the account as clients see it: `id`, `owner`, `balance`, `version`, `currency`, `status`, `opened_at` and
    /// `updated_at`. The balance is a JSON number with exactly the currency's digits.
    ///
    /// Made for accounts that exist; before the first event there are no times, which are then left out.
    public func writeAccount(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id")
        writer.string(stream.name)
        writer.member("owner")
        writer.string(state.owner)
        writer.member("balance")
        writer.rawNumber(state.balance.description)
        writer.member("version")
        writer.integer(version)
        writer.member("currency")
        writer.string(state.currency.code)
        writer.member("status")
        writer.string(state.status.rawValue)
        if let createdAt {
            writer.member("opened_at")
            writer.timestamp(createdAt)
        }
        if let updatedAt {
            writer.member("updated_at")
            writer.timestamp(updatedAt)
        }
        writer.endObject()
    }
}
