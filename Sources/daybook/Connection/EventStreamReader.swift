/// Reads a stream of server-sent events (HTML Living Standard, section 9.2.6), whatever the parts are that it comes in.
struct EventStreamReader {
    struct Event {
        /// The id that stands when the event is dispatched; empty if the stream gave none yet.
        let id: String
        let data: [UInt8]
    }

    /// A line longer than this is no event of Daybook.
    static let maxLineLength = 32 << 20

    struct LineTooLong: Error {}

    /// The id that was given last, by an event or without one.
    private(set) var lastID = ""
    private var line: [UInt8] = []
    private var isAfterCarriageReturn = false
    private var data: [UInt8]?
    private var id = ""

    /// The events that end within the next bytes.
    mutating func read(_ bytes: some Sequence<UInt8>) throws(LineTooLong) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            let isSecondHalf = isAfterCarriageReturn && byte == UInt8(ascii: "\n")
            isAfterCarriageReturn = byte == UInt8(ascii: "\r")
            if isSecondHalf { continue }
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                line.append(byte)
                guard line.count + (data?.count ?? 0) <= Self.maxLineLength else { throw LineTooLong() }
                continue
            }
            if let event = endLine() { events.append(event) }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private mutating func endLine() -> Event? {
        guard !line.isEmpty else {
            lastID = id
            defer { data = nil }
            return data.map { Event(id: lastID, data: $0) }
        }
        // A comment has no name.
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count == 2 ? parts[1] : []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: parts[0], as: UTF8.self) {
        case "data": data = data.map { $0 + [UInt8(ascii: "\n")] + value } ?? Array(value)
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        default: break
        }
        return nil
    }
}
