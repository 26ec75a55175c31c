import Testing

@testable import CommandService

@Suite struct RecordedAnswerTests {
    private static let body = Array(#"{"type":"/problems/x"}"#.utf8)

    private static func refused(_ status: Int, _ body: [UInt8] = body) -> [UInt8] {
        [1, UInt8(status >> 8), UInt8(status & 0xFF)] + body
    }

    @Test(arguments: [400, 404, 409, 422, 499, 500, 599])
    func `what is kept of a refusal is read back`(status: Int) {
        let bytes = Self.refused(status)
        #expect(RecordedAnswer(bytes) == .refused(status: status, body: Self.body))
        #expect(RecordedAnswer(bytes)?.encoded == bytes)
        #expect(RecordedAnswer([0]) == .obeyed)
    }

    @Test(arguments: [0, 1, 99, 100, 200, 204, 301, 399, 600, 999, 1000, 0x7FFF, 0xFFFF])
    func `a status that is no error's is none of a refusal`(status: Int) {
        #expect(RecordedAnswer(Self.refused(status)) == nil)
    }

    @Test(arguments: ["", "[]", "x", "{", "{}{}", "{}\n", "{\n}", "\r{}", "{\"a\":\"\u{1}\"}"])
    func `a body that is not one line of an object is none of a refusal`(body: String) {
        #expect(RecordedAnswer(Self.refused(400, Array(body.utf8))) == nil)
    }

    @Test(arguments: [[], [2], [0, 0], [1], [1, 1], [1, 1, 0x90], [0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
    func `other bytes are no answer`(bytes: [UInt8]) {
        #expect(RecordedAnswer(bytes) == nil)
    }
}
