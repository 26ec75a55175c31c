import JSON
import Testing

/// What is a document by RFC 8259 and what is not; the two ways through the reader must agree.
@Suite struct GrammarTests {
    static let accepted = [
        "0", "-0", "1", "-1", "12345678901234567890123456789012345678901234567890", "0.0", "-0.50", "1.25", "10e0",
        "0e0", "1e5", "1E5", "1e+5", "1e-5", "1.5E-999999999999999999999", "0e999999999", "true", "false", "null",
        "\"\"", "\"a\"", "\"\u{7F}\"", "\"é\"", "\"漢字\"", "\"😀\"", "\"\u{10FFFF}\"", "\"\u{D7FF}\u{E000}\"",
        "\"\u{FEFF}\"", "\"\u{2028}\"", #""\"\\\/\b\f\n\r\t""#, #""\u0000""#, #""\u00e9\u00E9""#, #""\ud83d\ude00""#,
        #""\uD800\uDC00\uDBFF\uDFFF""#, #""\uFFFF""#, "[]", "[ ]", "[1]", "[1,2]", "[[],[[]],{}]", "{}", "{ }",
        #"{"a":1}"#, #"{"":0}"#, #"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#, #"{"a":1,"A":2," a":3,"a ":4}"#,
        " \t\r\n1 \t\r\n", "{ \"a\" \n:\t1\r, \"b\" : [ 1 , 2 ] }", #"{"\u0061":1,"b":2}"#,
    ]

    static let refused = [
        "", " ", "\t\n", "nul", "nulll", "Null", "NULL", "tru", "True", "fals", "falsey", "t", "n", "f", "undefined",
        "NaN", "-NaN", "Infinity", "-Infinity", "+Infinity", "inf", "0x10", "0X1", "+1", "01", "-01", "00", "00.5",
        "1.", "-1.", ".5", "-.5", "-", "--1", "-a", "1e", "1e+", "1e-", "1E", "1e1.5", "1ee1", "1.e1", "1.5.5", "1_000",
        "1,000", "0b1", "1a", "1 2", "1,2", "1,", ",1", ",", ":", "]", "}", "[", "{", "[1", "[1,", "[1,]", "[,]",
        "[,1]",
        "[1,,2]", "[1 2]", "[1}", "{1}", "{]", "[1]]", "[]1", "{}{}", "{}x", "[] []", "{\"a\"}", "{\"a\":}", "{\"a\":1",
        "{\"a\":1,", "{\"a\":1,}", "{,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\" 1}", "{\"a\"::1}", "{\"a\",1}",
        "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{\"a\":1]", "[\"a\":1]", "\"", "\"a", "\"\\\"", "\"\\", "'a'", "a",
        "\"a\"b", "\"a\nb\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", "//c\n1", "/**/1", "1//c", "#1", "\u{FEFF}1",
        "\u{FEFF}{}", "\u{A0}1", "\u{0B}1", "\u{0C}1", "\u{2028}1", "1\u{0}", "é", "[\u{1}]",
    ]

    @Test(arguments: accepted) func `A document that follows the grammar is read and validated`(_ text: String) {
        #expect(readingError(Array(text.utf8)) == nil)
        #expect(validationError(Array(text.utf8)) == nil)
    }

    @Test(arguments: refused) func `A document that breaks the grammar is refused both ways`(_ text: String) throws {
        let reading = try #require(readingError(Array(text.utf8)))
        let validation = try #require(validationError(Array(text.utf8)))
        #expect(reading.code == .malformed || reading.code == .unexpectedEnd)
        #expect(reading.code == validation.code)
        #expect(reading.offset == validation.offset)
    }

    @Test func `Every beginning of a document is refused as unfinished`() {
        let whole = Array(#"{"a":[true,false,null,-1.5e+3,"x\u00e9\ud83d\ude00\n"],"b":{"c":"é😀"},"d":[[{}]]}"#.utf8)
        #expect(readingError(whole) == nil)
        for length in 0..<whole.count {
            let part = Array(whole[..<length])
            for error in [readingError(part), validationError(part)] {
                #expect(error != nil, "\(length) bytes")
                #expect((error?.offset ?? -1) <= length)
                #expect(
                    [.unexpectedEnd, .notUTF8].contains(error?.code), "\(length) bytes: \(String(describing: error))")
            }
        }
    }

    @Test func `No letter but those of JSON makes an escape`() {
        for letter in UInt8.min...UInt8.max where !Array("\"\\/bfnrt".utf8).contains(letter) {
            let bytes = Array("\"\\".utf8) + [letter] + Array("0041\"".utf8)
            #expect((readingError(bytes) == nil) == (letter == UInt8(ascii: "u")), "\(letter)")
            #expect((validationError(bytes) == nil) == (letter == UInt8(ascii: "u")), "\(letter)")
        }
    }

    @Test(arguments: [
        #""\u""#, #""\u1""#, #""\u12""#, #""\u123""#, #""\u123g""#, #""\u 123""#, #""\u+123""#, #""\U0041""#,
    ])
    func `A Unicode escape has four hexadecimal digits`(_ text: String) {
        #expect(readingError(Array(text.utf8))?.code == .malformed)
        #expect(validationError(Array(text.utf8))?.code == .malformed)
    }

    @Test(arguments: [
        #""\ud800""#, #""\udbff""#, #""\udc00""#, #""\udfff""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\ud800""#,
        #""\udc00\ud800""#, #""\ud800\u0041""#, #""a\ud83d\ude00\ude00""#, #""\ud83d\ud83d\ude00""#,
    ])
    func `Half a surrogate pair is refused`(_ text: String) {
        #expect(readingError(Array(text.utf8))?.code == .notUTF8)
        #expect(validationError(Array(text.utf8))?.code == .notUTF8)
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xC2, 0xC2],
            [0xE0, 0x80, 0x80],
            [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE1, 0x80, 0x20], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80], [0xF1, 0x80, 0x80, 0xC0],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func `A string that is not UTF-8 is refused`(_ content: [UInt8]) {
        let quoted = [UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")]
        for bytes in [
            quoted, Array("{".utf8) + quoted + Array(":1}".utf8), Array("[\"a\\n".utf8) + content + Array("\"]".utf8),
        ] {
            #expect(readingError(bytes)?.code == .notUTF8)
            #expect(validationError(bytes)?.code == .notUTF8)
        }
    }

    @Test func `A scalar of every length is read as Swift reads it`() throws {
        for value: UInt32 in stride(from: 0x20, through: 0x10FFFF, by: 61) {
            guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
            let text = String(Character(scalar))
            #expect(try read("\"\(text)\"") == .string(text))
        }
    }
}
