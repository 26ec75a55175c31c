public import EventSourcing
public import JSON

extension Revision<Account> {
    /// Writes the account as clients see it: `id`, `owner`, `balance`, `version`, `currency`, `status`, `opened_at` and
    /// `updated_at`. The balance has exactly the currency's digits.
    ///
    /// Made for accounts that exist; before the first event there are no times, which are then left out.
    public func writeAccount(to writer: inout JSONWriter, amounts form: DecimalForm = .number) {
        writer.beginObject()
        writer.member("id")
        writer.string(stream.name)
        writer.member("owner")
        writer.string(state.owner)
        writer.member("balance")
        writer.decimal(state.balance.description, as: form)
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
