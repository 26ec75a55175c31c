internal import EventSourcing

extension Counter {
    /// A counter was changed.
    struct Event: DomainEvent {
        /// The event of the same move on the other counter.
        struct Counterpart: Hashable {
            let stream: StreamID
            let version: UInt64
        }

        let by: Int
        let counterpart: Counterpart?
        /// The version of the event of the same counter that it takes back.
        let undoes: UInt64?

        init(by: Int, counterpart: Counterpart? = nil, undoes: UInt64? = nil) {
            self.by = by
            self.counterpart = counterpart
            self.undoes = undoes
        }
    }
}

extension Counter.Event {
    var type: String { counterpart != nil ? "Moved" : undoes != nil ? "Undone" : "Counted" }

    var schemaVersion: UInt16 { 1 }

    /// A JSON array: what it counts by, then the name and version of the other event of a move, or the version that it
    /// takes back.
    func encoded() -> [UInt8] {
        if let counterpart { return Array("[\(by),\"\(counterpart.stream.name)\",\(counterpart.version)]".utf8) }
        return Array((undoes.map { "[\(by),\($0)]" } ?? "[\(by)]").utf8)
    }

    init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
        let parts = data.dropFirst().dropLast().split(separator: UInt8(ascii: ",")).map {
            String(decoding: $0, as: UTF8.self)
        }
        let by = parts.first.flatMap { Int($0) }
        switch (type, parts.count, by) {
        case ("Counted", 1, let by?):
            self.init(by: by)
        case ("Undone", 2, let by?):
            self.init(by: by, undoes: UInt64(parts[1]))
        case ("Moved", 3, let by?):
            let name = String(parts[1].dropFirst().dropLast())
            guard let stream = StreamID(category: Counter.category, name: name), let version = UInt64(parts[2]) else {
                fallthrough
            }
            self.init(by: by, counterpart: Counterpart(stream: stream, version: version))
        default:
            throw EventDecodingError(type: type, schemaVersion: schemaVersion, reason: "it is no count")
        }
    }
}
