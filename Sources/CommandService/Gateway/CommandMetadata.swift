internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What a client says about a command beside it; it is kept in the metadata of the events that the command records.
///
/// It is no part of the command: a repeat under the same key may have another one, and gets the first outcome.
struct CommandMetadata: Hashable, Sendable {
    /// The rule of correlation and causation ids, for messages.
    private static var rule: String { "1 to 128 visible ASCII characters" }

    /// What the command belongs to: `Daybook-Correlation-Id`.
    private(set) var correlationID: String?
    /// What the command was sent because of: `Daybook-Causation-Id`.
    private(set) var causationID: String?
    /// The trace id of `traceparent`, 32 hexadecimal digits.
    private(set) var traceID: String?

    /// Reads the metadata from a request's header. A `traceparent` that is not valid counts as absent.
    ///
    /// - Throws: ``Problem`` 400 if an id is not 1 to 128 visible ASCII characters.
    init(_ headers: HTTPFields) throws(Problem) {
        correlationID = try Self.id(headers[.daybookCorrelationID], HTTPField.Name.daybookCorrelationID.rawName)
        causationID = try Self.id(headers[.daybookCausationID], HTTPField.Name.daybookCausationID.rawName)
        traceID = headers[.traceparent].flatMap { TraceParent($0)?.traceID }
    }

    /// The metadata of a line of many commands: its own ids count more than those of the request's header.
    ///
    /// - Throws: ``Problem`` 400 if an id is not 1 to 128 visible ASCII characters.
    func overridden(byCorrelationID correlationID: String?, causationID: String?) throws(Problem) -> CommandMetadata {
        var own = self
        own.correlationID = try Self.id(correlationID, "correlation_id") ?? self.correlationID
        own.causationID = try Self.id(causationID, "causation_id") ?? self.causationID
        return own
    }

    /// The metadata of the events, as a JSON object; no bytes if nothing was said.
    var encoded: [UInt8] {
        guard correlationID != nil || causationID != nil || traceID != nil else { return [] }
        var writer = JSONWriter()
        writer.beginObject()
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
        writer.endObject()
        return writer.bytes
    }

    private static func id(_ text: String?, _ name: String) throws(Problem) -> String? {
        guard let text else { return nil }
        guard 1...128 ~= text.utf8.count, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidParameter(name, text, expected: rule)
        }
        return text
    }
}
