internal import JSON

/// What was recorded about an event beside the event itself: who caused it, and what it belongs to.
public struct EventMetadata: Hashable, Sendable {
    /// Who was authenticated.
    public var actor: String?
    /// What the client counts it to.
    public var correlationID: String?
    /// What the client says it is a consequence of.
    public var causationID: String?
    /// The trace of the request (W3C Trace Context): 32 hex digits.
    public var traceID: String?

    /// Metadata from its parts.
    public init(
        actor: String? = nil, correlationID: String? = nil, causationID: String? = nil, traceID: String? = nil
    ) {
        self.actor = actor
        self.correlationID = correlationID
        self.causationID = causationID
        self.traceID = traceID
    }

    /// Reads the metadata of a record. Any program may have written it: what is none of these, or no string, is ignored,
    /// and so is all of it if it cannot be read.
    public init(reading bytes: [UInt8]) {
        if bytes.isEmpty { return }
        var found = EventMetadata()
        var reader = JSONReader(bytes)
        do throws(JSONError) {
            try reader.readObject { name, reader throws(JSONError) in
                guard try reader.peekKind() == .string, let member = Self.member(name) else { return }
                found[keyPath: member] = try reader.readString()
            }
            try reader.finish()
        } catch {
            return
        }
        self = found
    }

    func writeMembers(to writer: inout JSONWriter) {
        if let actor {
            writer.member("actor")
            writer.string(actor)
        }
        if let correlationID {
            writer.member("correlation_id")
            writer.string(correlationID)
        }
        if let causationID {
            writer.member("causation_id")
            writer.string(causationID)
        }
        if let traceID {
            writer.member("trace_id")
            writer.string(traceID)
        }
    }

    private static func member(_ name: String) -> WritableKeyPath<EventMetadata, String?>? {
        switch name {
        case "actor": \.actor
        case "correlation_id": \.correlationID
        case "causation_id": \.causationID
        case "trace_id": \.traceID
        default: nil
        }
    }
}
