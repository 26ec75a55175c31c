import JSON
import Testing

@testable import ServiceSupport

/// Which form of an answer an `Accept` field chooses.
@Suite struct RepresentationTests {
    private func chosen(_ accept: String?, _ kinds: Representation.Kind...) -> Representation {
        Representation(acceptedBy: accept, among: kinds)
    }

    @Test(arguments: [
        nil, "", "*/*", "application/*", "application/json", "APPLICATION/JSON", "text/html", "nonsense", ",",
    ])
    func `the first kind with numbers is the default`(accept: String?) {
        #expect(chosen(accept, .json, .eventStream) == Representation(.json))
        #expect(chosen(accept, .json) == Representation(.json))
    }

    @Test(arguments: [
        "application/json;amounts=string", "application/json ; amounts=string", "Application/JSON;Amounts=String",
        #"application/json;amounts="string""#, "application/json;amounts=string;q=0.5, application/json;q=0.4",
        "text/html, application/json;amounts=string, */*;q=0.1", "application/json;amounts=string, application/json",
        "application/json;amounts=string;q=1.000",
    ])
    func `amounts are strings where that form is named`(accept: String) {
        #expect(chosen(accept, .json) == Representation(.json, amounts: .string))
        #expect(chosen(accept, .json).mediaType == "application/json;amounts=string")
    }

    @Test(arguments: [
        "application/json;amounts=strings", "application/json;amounts=string;q=0",
        "application/json;amounts=string;q=0.3, application/json;q=0.4", "text/plain;amounts=string",
        "application/json;q=0.5;amounts=string", "application/json;amounts", "application/json;amounts=",
        #"application/json;amounts="string"#, "application/json;amounts=string;q=1.5",
    ])
    func `amounts are numbers where it is not, or not so much`(accept: String) {
        #expect(chosen(accept, .json) == Representation(.json))
    }

    @Test(arguments: [
        ("text/event-stream", true), ("TEXT/event-stream", true), ("text/*", true), ("text/event-stream, */*", true),
        ("application/json;q=0, */*;q=0.1", true), ("a/b;c=\"x,y\", text/event-stream", true),
        ("text/event-stream;q=0", false), ("text/event-stream-not", false),
        ("application/json, text/event-stream", false),
        ("text/event-stream;q=0.5, application/json;q=0.6", false), ("text/*;q=0.5, text/event-stream;q=0, */*", false),
        ("a/b;c=\"text/event-stream\"", false), ("a/b;c=\"open, text/event-stream", false),
    ])
    func `a feed is chosen by weight, and then by how exactly it is named`(accept: String, isFeed: Bool) {
        #expect((chosen(accept, .json, .eventStream).kind == .eventStream) == isFeed)
    }

    @Test func `any text is read to its end`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(",;=\"\\/* \tqa0.1-") + Array("é\u{0}")
        for _ in 0..<20_000 {
            let text = String((0..<Int.random(in: 0...24, using: &random)).map { _ in alphabet.randomElement() ?? "," })
            _ = chosen(text, .json, .eventStream)
            _ = MediaType(text)
            _ = try? EntityTag.list("If-Match", text)
        }
    }

    @Test(arguments: [
        "text/csv", "text/*", "text/csv;charset=utf-8", "text/csv; header=present; charset=UTF-8",
        "text/csv;amounts=string", "application/json;q=0.5, text/csv",
    ])
    func `values separated by commas are text in either form`(accept: String) {
        #expect(chosen(accept, .json, .csv).kind == .csv)
        #expect(chosen(accept, .json, .csv).mediaType == "text/csv;charset=utf-8;header=present")
    }

    @Test(arguments: ["text/csv;header=absent", "text/csv;charset=latin1", "text/csv;q=0"])
    func `values separated by commas in a form that there is not are not chosen`(accept: String) {
        #expect(chosen(accept, .json, .csv).kind == .json)
    }
}
