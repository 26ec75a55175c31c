internal import EventSourcing
internal import JSON

extension JSONWriter {
    /// A moment, as RFC 3339 has it.
    mutating func timestamp(_ moment: Timestamp) {
        plainString(byteCount: Timestamp.textSize) { moment.writeText(to: $0) }
    }
}
