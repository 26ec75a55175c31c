internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What is said about a command beside it: who sent it, and what its client says of it. It is kept in the metadata of the
/// events that the command records.
///
/// It is no part of the command: a repeat under the same key may have another one, and gets the first outcome.
struct CommandMetadata: Hashable, Sendable {
    /// The rule of correlation and causation ids, for messages.
    private static var rule: String { "1 to 128 visible ASCII characters" }

    /// The metadata of the events, as a JSON object in UTF-8; no bytes if nothing was said.
    let encoded: [UInt8]

    private let actor: String?
    private let correlationID: String?
    private let causationID: String?
    /// 32 hexadecimal digits.
    private let traceID: String?

    /// Reads the metadata from a request's header: `Daybook-Correlation-Id`, what the command belongs to,
    /// `Daybook-Causation-Id`, what it was sent because of, and `traceparent`, which counts as absent if it is not valid.
    ///
    /// - Parameter actor: who was authenticated; never what a client says of itself.
    /// - Throws: ``Problem`` 400 if an id is not 1 to 128 visible ASCII characters.
    init(_ headers: HTTPFields, actor: String? = nil) throws(Problem) {
        self.init(
            actor: actor,
            correlationID: try Self.id(headers[.daybookCorrelationID], HTTPField.Name.daybookCorrelationID.rawName),
            causationID: try Self.id(headers[.daybookCausationID], HTTPField.Name.daybookCausationID.rawName),
            traceID: headers[.traceparent].flatMap { TraceParent($0)?.traceID })
    }

    private init(actor: String?, correlationID: String?, causationID: String?, traceID: String?) {
        self.actor = actor
        self.correlationID = correlationID
        self.causationID = causationID
        self.traceID = traceID
        guard actor != nil || correlationID != nil || causationID != nil || traceID != nil else {
            encoded = []
            return
        }
        var writer = JSONWriter()
        writer.beginObject()
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
        writer.endObject()
        encoded = writer.bytes
    }

    /// The metadata of a line of many commands: its own ids count more than those of the request's header.
    ///
    /// - Throws: ``Problem`` 400 if an id is not 1 to 128 visible ASCII characters.
    func overridden(byCorrelationID correlationID: String?, causationID: String?) throws(Problem) -> CommandMetadata {
        if correlationID == nil, causationID == nil { return self }
        return CommandMetadata(
            actor: actor, correlationID: try Self.id(correlationID, "correlation_id") ?? self.correlationID,
            causationID: try Self.id(causationID, "causation_id") ?? self.causationID, traceID: traceID)
    }

    private static func id(_ text: String?, _ name: String) throws(Problem) -> String? {
        guard let text else { return nil }
        guard 1...128 ~= text.utf8.count, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidParameter(name, text, expected: rule)
        }
        return text
    }
}
