internal import EventSourcing
internal import JSON

/// How many lines of an event were left out of the audit log, since there were too many at once.
struct SuppressedLines {
    let event: AuditRecord.Event
    let count: UInt64

    /// The line, with the line feed at its end.
    func line(of service: String, at time: Timestamp) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time")
        writer.string("\(time)")
        writer.member("service")
        writer.string(service)
        writer.member("event")
        writer.string("suppressed")
        writer.member("of")
        writer.string(event.rawValue)
        writer.member("count")
        writer.integer(count)
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }
}
