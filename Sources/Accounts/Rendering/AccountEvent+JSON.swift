public import EventSourcing
public import JSON

extension AccountEvent {
    /// Writes a recorded event as clients see it, flat: its type, its own members, what was recorded about it (`actor`,
    /// `correlation_id`, `causation_id`, `trace_id`), then `version`, `position`, `id` and `time`.
    ///
    /// - Parameters:
    ///   - includingAccount: whether the account's id stands after the type, as in the whole log; there an event whose
    ///     append goes on in the next one says so, too.
    ///   - form: how amounts are written.
    /// - Throws: ``EventDecodingError`` if the record is no event of an account; nothing is then written.
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
        event.writeMembers(to: &writer, form)
        writePlace(of: record, to: &writer)
        if includingAccount { writeBoundary(of: record, to: &writer) }
        writer.endObject()
    }

    /// Writes `continues` if the record's append goes on in the next record of the log.
    public static func writeBoundary(of record: RecordedEvent, to writer: inout JSONWriter) {
        guard record.continues else { return }
        writer.member("continues")
        writer.bool(true)
    }

    /// Writes what a record has beside its event: the metadata that clients see, `version`, `position`, `id` and `time`.
    public static func writePlace(of record: RecordedEvent, to writer: inout JSONWriter) {
        if !record.event.metadata.isEmpty {
            EventMetadata(reading: record.event.metadata).writeMembers(to: &writer)
        }
        writer.member("version")
        writer.integer(record.streamVersion)
        writer.member("position")
        writer.integer(record.position)
        writer.member("id")
        writer.string(record.event.id.description)
        writer.member("time")
        writer.timestamp(record.recordedAt)
    }
}
