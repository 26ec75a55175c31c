public import EventSourcing
public import JSON

extension AccountEvent {
    /// Writes a recorded event as clients see it, flat: its type, its own fields, then
    /// `version`, `position`, `id` and `time`.
    ///
    /// - Parameters:
    ///   - includingAccount: whether the account's id stands after the type, as in the whole log.
    ///   - form: how amounts are written.
    /// - Throws: ``EventDecodingError`` where the record is no event of an account; nothing is then written.
    public static func write(
        _ record: RecordedEvent, includingAccount: Bool = false, to writer: inout JSONWriter,
        amounts form: DecimalForm = .number
    ) throws(EventDecodingError) {
        let event = try AccountEvent(
            type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
        writer.beginObject()
        writer.member("type")
        writer.string(event.type)
        if includingAccount {
            writer.member("account")
            writer.string(record.stream.name)
        }
        event.writeFields(to: &writer, form)
        writePlace(of: record, to: &writer)
        writer.endObject()
    }

    /// Writes what a record has beside its event: `version`, `position`, `id` and `time`.
    public static func writePlace(of record: RecordedEvent, to writer: inout JSONWriter) {
        writer.member("version")
        writer.integer(record.streamVersion)
        writer.member("position")
        writer.integer(record.position)
        writer.member("id")
        writer.string(record.event.id.description)
        writer.member("time")
        writer.timestamp(record.recordedAt)
    }

    private func writeFields(to writer: inout JSONWriter, _ form: DecimalForm) {
        switch self {
        case .opened(let owner, let initialBalance, let currency):
            writer.member("owner")
            writer.string(owner)
            writer.member("initial_balance")
            writer.decimal(initialBalance.description, as: form)
            writer.member("currency")
            writer.string(currency.code)
        case .deposited(let amount), .withdrawn(let amount):
            writer.member("amount")
            writer.decimal(amount.description, as: form)
        }
    }
}
