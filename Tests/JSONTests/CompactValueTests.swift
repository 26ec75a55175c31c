import JSON
import Testing

@Suite struct CompactValueTests {
    private func compact(_ text: String) -> String {
        var writer = JSONWriter()
        writer.compactValue(Array(text.utf8))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test(
        arguments: [
            ("{\n \"amount\":\r\n\t\"1.00\"\n}", #"{"amount":"1.00"}"#),
            (" [ 1 ,\r2 ]\n", "[1,2]"),
            (#" { "a b" : " two  words, \" } \\" , "c":"\\"} "#, #"{"a b":" two  words, \" } \\","c":"\\"}"#),
            (#""\\" "#, #""\\""#),
            ("\tnull\n", "null"),
            (#"{"ä":"\u000a"}"#, #"{"ä":"\u000a"}"#),
        ])
    func `White space between tokens is left out, and strings stay as they are`(text: String, expected: String) {
        #expect(compact(text) == expected)
    }

    @Test
    func `No bytes begin a new line, even such as are no JSON`() {
        #expect(compact("\"a\nb\u{1F}\\\n\"") == #""a\u000ab\u001f\\u000a""#)
        for text in ["\"\n", "\n\"\r\n\\\n", "{\"a\":\"\n\"\n}"] {
            #expect(!compact(text).utf8.contains { $0 == 0x0A || $0 == 0x0D })
        }
    }

    @Test
    func `Values follow one another with commas`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.compactValue(Array("{ }".utf8))
        writer.compactValue(Array("[ ]".utf8))
        writer.endArray()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "[{},[]]")
    }
}
