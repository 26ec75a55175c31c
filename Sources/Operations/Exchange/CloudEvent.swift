public import EventSourcing
internal import JSON

/// Records as CloudEvents 1.0 in the JSON format (cloudevents.io).
public enum CloudEvent {
    /// A record of a log, as one line without its line feed.
    ///
    /// `source` is the log, `subject` the stream, `sequence` (an extension known to the specification) the position with
    /// leading zeros, so that its order as a text is the order of the log. Extensions of our own are `position`,
    /// `streamversion`, `schemaversion` and `hash`; numbers are texts, since an Integer of CloudEvents has 32 bits; and
    /// `continues`, true if the append goes on in the next line.
    public static func line(of record: RecordedEvent, in logID: UniqueID) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.beginObject()
        let position = String(record.position)
        for (name, value) in [
            ("specversion", "1.0"), ("id", record.event.id.description), ("source", "urn:uuid:\(logID)"),
            ("type", record.type), ("subject", record.stream.description), ("time", record.recordedAt.description),
            ("sequence", String(repeating: "0", count: 20 - position.utf8.count) + position), ("position", position),
            ("streamversion", String(record.streamVersion)), ("schemaversion", String(record.event.schemaVersion)),
            ("hash", record.hash.description),
        ] {
            writer.member(name: name)
            writer.string(value)
        }
        if record.continues {
            writer.member("continues")
            writer.bool(true)
        }
        if !record.event.metadata.isEmpty {
            writer.member("metadata")
            writer.string(String(decoding: record.event.metadata, as: UTF8.self))
        }
        writer.member("datacontenttype")
        writer.string("application/json")
        writer.member("data")
        writer.compactValue(record.event.data)
        writer.endObject()
        return writer.bytes
    }
}
