import JSON
import Testing

/// The reader as its callers use it.
@Suite struct JSONReaderTests {
    @Test func `An object is read member by member`() throws {
        let text = #" { "s" : "x\ty" , "n":-1.50e+2,"t":true,"f":false,"z":null,"a":[1,[2]],"o":{"k":"v"}, "u": [9] } "#
        var seen: [String] = []
        var reader = JSONReader(Array(text.utf8))
        try reader.readObject { name, reader throws(JSONError) in
            switch name {
            case "s": seen.append("s=" + (try reader.readString()))
            case "n": seen.append("n=" + (try reader.readNumberLiteral()))
            case "t", "f": seen.append("\(name)=\(try reader.readBool())")
            case "z":
                try reader.readNull()
                seen.append("z")
            case "a":
                try reader.readArray { reader throws(JSONError) in
                    seen.append("a[\(try reader.peekKind())]")
                    try reader.skipValue()
                }
            case "o":
                try reader.readObject { name, reader throws(JSONError) in
                    seen.append("o.\(name)=\(try reader.readString())")
                }
            default: _ = try reader.peekKind()
            }
        }
        try reader.finish()
        #expect(seen == ["s=x\ty", "n=-1.50e+2", "t=true", "f=false", "z", "a[a number]", "a[an array]", "o.k=v"])
    }

    @Test(arguments: [
        "500", "500.0", "500.00", "5e2", "5E+2", "-0", "0.10", "1e999999999", "123456789012345678901234567890",
    ])
    func `A number's text is kept as it was written`(_ literal: String) throws {
        #expect(try read("[ \(literal) ]") == .array([.number(try #require(JSONNumber(literal)))]))
        var reader = JSONReader(Array(literal.utf8))
        #expect(try reader.readNumberLiteral() == literal)
    }

    @Test(arguments: ["", " 1", "1 ", "+1", "01", "1.", ".1", "1e", "0x1", "NaN", "1,", "\"1\"", "--1", "true"])
    func `A number can only be made of a number`(_ text: String) {
        #expect(JSONNumber(text) == nil)
    }

    @Test func `A number is a whole one where it is written as one`() {
        #expect(JSONNumber("-42")?.integer == -42)
        #expect(JSONNumber(.min).integer == .min)
        #expect(JSONNumber("9223372036854775808")?.integer == nil)
        #expect(JSONNumber("1.0")?.integer == nil)
        #expect(JSONNumber("1e2")?.integer == nil)
    }

    @Test(arguments: [
        ("{}", JSONKind.object), ("[]", .array), ("\"\"", .string), ("-1", .number), ("0", .number), ("true", .bool),
        ("false", .bool), ("null", .null),
    ])
    func `Asking for another kind says what was found`(_ text: String, _ kind: JSONKind) throws {
        func reader() -> JSONReader { JSONReader(Array(text.utf8)) }
        var peeking = reader()
        #expect(try peeking.peekKind() == kind)
        #expect(try read(text).kind == kind)
        let attempts: [(JSONKind, (inout JSONReader) throws -> Void)] = [
            (.object, { try $0.readObject { _, _ throws(JSONError) in } }),
            (.array, { try $0.readArray { _ throws(JSONError) in } }),
            (.string, { _ = try $0.readString() }), (.number, { _ = try $0.readNumberLiteral() }),
            (.bool, { _ = try $0.readBool() }), (.null, { try $0.readNull() }),
        ]
        for (wanted, attempt) in attempts {
            var reader = reader()
            do {
                try attempt(&reader)
                #expect(wanted == kind)
            } catch {
                let error = try #require(error as? JSONError)
                #expect(wanted != kind)
                #expect(error.code == .unexpectedKind)
                #expect(error.reason == "expected \(wanted), found \(kind)")
            }
        }
    }

    @Test(arguments: [
        (#"{"a":{"b":[0,1,x]}}"#, "/a/b/2", 15), (#"{"a":{"b":[0,1 2]}}"#, "/a/b", 15), (#"{"a":01}"#, "/a", 6),
        ("[1", "", 2), (#"[{"a~/b":"\x"}]"#, "/0/a~0~1b", 11),
    ])
    func `An error points to the innermost place`(_ text: String, _ pointer: String, _ offset: Int) throws {
        let error = try #require(readingError(Array(text.utf8)))
        #expect(error.pointer == pointer)
        #expect(error.offset == offset)
    }

    @Test func `Nothing may follow the document`() throws {
        var reader = JSONReader(Array("1 \n2".utf8))
        try reader.skipValue()
        #expect(throws: JSONError(code: .malformed, offset: 3, reason: "expected the end of the document")) {
            try reader.finish()
        }
    }

    @Test func `Validation can ask for an object`() {
        #expect(validationError(Array(" {\"a\":[]} ".utf8), requireObject: true) == nil)
        for text in ["[]", "1", "\"{}\"", "null"] {
            #expect(validationError(Array(text.utf8), requireObject: true)?.code == .unexpectedKind)
            #expect(validationError(Array(text.utf8)) == nil)
        }
        #expect(validationError([], requireObject: true)?.code == .unexpectedEnd)
    }

    @Test func `Codes have names fit for labels`() {
        let codes: [JSONError.Code] = [
            .malformed, .unexpectedEnd, .notUTF8, .tooDeep, .duplicateMember, .unexpectedKind, .unexpectedMember,
        ]
        #expect(Set(codes).count == codes.count)
        #expect(
            codes.map(\.description) == [
                "malformed", "unexpectedEnd", "notUTF8", "tooDeep", "duplicateMember", "unexpectedKind",
                "unexpectedMember",
            ])
    }
}
