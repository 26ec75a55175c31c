import JSON
import Testing

/// The writer, byte by byte.
@Suite struct JSONWriterTests {
    @Test func `Commas stand between values and nowhere else`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("a")
        writer.beginArray()
        writer.endArray()
        writer.member("b")
        writer.beginArray()
        writer.integer(-1)
        writer.rawNumber("1300.00")
        writer.beginObject()
        writer.endObject()
        writer.beginObject()
        writer.member("c")
        writer.null()
        writer.endObject()
        writer.bool(true)
        writer.bool(false)
        writer.string("")
        writer.rawValue(Array(#"{"x":[]}"#.utf8))
        writer.integer(UInt64.max)
        writer.endArray()
        writer.member("d")
        writer.string("e")
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":[],"b":[-1,1300.00,{},{"c":null},true,false,"",{"x":[]},18446744073709551615],"d":"e"}"#)
    }

    @Test(arguments: [
        ("plain", #""plain""#), ("", #""""#), ("\"", #""\"""#), ("\\", #""\\""#), ("/", #""/""#),
        ("a\"b\\c\"", #""a\"b\\c\"""#), ("\u{8}\u{9}\u{A}\u{C}\u{D}", #""\b\t\n\f\r""#),
        ("\u{0}\u{1}\u{B}\u{10}\u{1F}", #""\u0000\u0001\u000b\u0010\u001f""#), ("\r\n", #""\r\n""#),
        ("\u{7F}é漢😀\u{2028}", "\"\u{7F}é漢😀\u{2028}\""),
    ])
    func `Only what must be escaped is, in strings and names`(_ text: String, _ expected: String) {
        var writer = JSONWriter()
        writer.string(text)
        #expect(writer.bytes == Array(expected.utf8))
        var named = JSONWriter(reservingCapacity: 0)
        named.beginObject()
        named.member(name: text)
        named.null()
        named.endObject()
        #expect(named.bytes == Array("{\(expected):null}".utf8))
    }

    @Test func `Every scalar below U+0080 comes back`() throws {
        for value: UInt8 in 0..<0x80 {
            let text = "<" + String(Character(Unicode.Scalar(value))) + ">"
            guard case .string(let back) = try read(write(.string(text))) else {
                Issue.record("not a string")
                return
            }
            #expect(Array(back.utf8) == Array(text.utf8))
        }
    }
}
