import HTTPTypes
import ServiceSupport
import Testing

@testable import CommandService

@Suite struct CommandMetadataTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

    private static func metadata(_ headers: HTTPFields) throws -> String {
        String(decoding: try CommandMetadata(headers).encoded, as: UTF8.self)
    }

    @Test func `what a client says stands in one object`() throws {
        #expect(try Self.metadata([:]) == "")
        #expect(try Self.metadata([.daybookCausationID: "b"]) == #"{"causation_id":"b"}"#)
        let headers: HTTPFields = [
            .traceparent: "00-\(Self.traceID)-00f067aa0ba902b7-01", .daybookCorrelationID: #"a"\"#,
            .daybookCausationID: "b",
        ]
        #expect(
            try Self.metadata(headers)
                == #"{"correlation_id":"a\"\\","causation_id":"b","trace_id":"\#(Self.traceID)"}"#)
    }

    @Test func `who was authenticated stands first, whatever the client says`() throws {
        let headers: HTTPFields = [.daybookCorrelationID: "a", .init("Daybook-Actor")!: "me", .init("actor")!: "me"]
        #expect(try Self.metadata(headers) == #"{"correlation_id":"a"}"#)
        let known = try CommandMetadata(headers, actor: "Zoë \"Z\"")
        #expect(String(decoding: known.encoded, as: UTF8.self) == #"{"actor":"Zoë \"Z\"","correlation_id":"a"}"#)
        let own = try known.overridden(byCorrelationID: "b", causationID: nil)
        #expect(String(decoding: own.encoded, as: UTF8.self) == #"{"actor":"Zoë \"Z\"","correlation_id":"b"}"#)
        #expect(
            String(decoding: try CommandMetadata([:], actor: "ann").encoded, as: UTF8.self) == #"{"actor":"ann"}"#)
    }

    @Test(arguments: ["", " ", "a b", "ä", "tab\there", "\u{7F}", String(repeating: "x", count: 129)])
    func `an id that is not 1 to 128 visible ASCII characters is refused`(id: String) throws {
        for name in [HTTPField.Name.daybookCorrelationID, .daybookCausationID] {
            let problem = #expect(throws: Problem.self) { try CommandMetadata([name: id]) }
            #expect(problem?.name == "invalid-parameter" && problem?.detail.contains(name.rawName) == true)
        }
        #expect(throws: Problem.self) { try CommandMetadata([:]).overridden(byCorrelationID: id, causationID: nil) }
        #expect(throws: Problem.self) { try CommandMetadata([:]).overridden(byCorrelationID: nil, causationID: id) }
    }

    @Test func `the longest id is taken`() throws {
        let id = String(repeating: "~", count: 128)
        #expect(try Self.metadata([.daybookCorrelationID: id]) == #"{"correlation_id":"\#(id)"}"#)
    }

    @Test func `the ids of a line count more than those of the header`() throws {
        let shared = try CommandMetadata([.daybookCorrelationID: "a", .daybookCausationID: "b"])
        #expect(try shared.overridden(byCorrelationID: nil, causationID: nil) == shared)
        let own = try shared.overridden(byCorrelationID: "c", causationID: nil)
        #expect(String(decoding: own.encoded, as: UTF8.self) == #"{"correlation_id":"c","causation_id":"b"}"#)
    }

    @Test(arguments: [
        "00-\(traceID)-00f067aa0ba902b7-01", "00-\(traceID)-00f067aa0ba902b7-ff", "01-\(traceID)-00f067aa0ba902b7-00",
        "cc-\(traceID)-00f067aa0ba902b7-01-what-the-future-will-be-like",
    ])
    func `a trace is read`(text: String) {
        #expect(TraceParent(text)?.traceID == Self.traceID)
    }

    @Test(arguments: [
        "", "00", "00-\(traceID)-00f067aa0ba902b7", "00-\(traceID)-00f067aa0ba902b7-0",
        "00-\(traceID)-00f067aa0ba902b7-001", "00-\(traceID)-00f067aa0ba902b7-01-",
        "00-\(traceID)-00f067aa0ba902b7-01-x", "ff-\(traceID)-00f067aa0ba902b7-01",
        "cc-\(traceID)-00f067aa0ba902b7-01x", "0-\(traceID)-00f067aa0ba902b7-011",
        "00-\(traceID.uppercased())-00f067aa0ba902b7-01",
        "00-\(traceID)-00F067AA0BA902B7-01", "00-\(traceID)-00f067aa0ba902b7-0g", "0x-\(traceID)-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-\(traceID)-0000000000000000-01",
        "00_\(traceID)-00f067aa0ba902b7-01", "00-\(traceID)_00f067aa0ba902b7-01", "00-\(traceID)-00f067aa0ba902b7_01",
        "00-\(traceID)-00f067aa0ba902b7-01, 00-\(traceID)-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473ä-00f067aa0ba902b7-01",
    ])
    func `what is no trace is ignored`(text: String) throws {
        #expect(TraceParent(text) == nil)
        #expect(try CommandMetadata([.traceparent: text]).encoded == [])
    }
}
