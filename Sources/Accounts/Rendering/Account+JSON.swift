public import EventSourcing
public import JSON

extension Revision<Account> {
    /// Writes the account as clients see it: `id`, `owner`, `balance`, `version`, `currency`, `status`, `opened_at` and
    /// `updated_at`. The balance is a JSON number with exactly the currency's digits.
    ///
    /// Made for accounts that exist; before the first event there are no times, which are then left out.
    public func writeAccount(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member(name: "id")
        writer.string(stream.name)
        writer.member(name: "owner")
        writer.string(state.owner)
        writer.member(name: "balance")
        writer.rawNumber(state.balance.description)
        writer.member(name: "version")
        writer.integer(version)
        writer.member(name: "currency")
        writer.string(state.currency.code)
        writer.member(name: "status")
        writer.string(state.status.rawValue)
        if let createdAt {
            writer.member(name: "opened_at")
            writer.string(createdAt.description)
        }
        if let updatedAt {
            writer.member(name: "updated_at")
            writer.string(updatedAt.description)
        }
        writer.endObject()
    }
}
