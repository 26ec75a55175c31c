import JSON
import Testing

@testable import ServiceSupport

/// Lists of entity tags, by RFC 9110, sections 5.6.1 and 8.8.3.
@Suite struct EntityTagTests {
    private func list(_ text: String) throws(Problem) -> [String] {
        try EntityTag.list("If-Match", text).map(\.description)
    }

    @Test func `members may be empty, and commas may stand in quotes`() throws {
        #expect(try list(#""1""#) == [#""1""#])
        #expect(try list(#" "1" , W/"2","3" "#) == [#""1""#, #"W/"2""#, #""3""#])
        #expect(try list(",, \"1\",\t,\"2\",,") == [#""1""#, #""2""#])
        #expect(try list(#""a,b", "c;d=e""#) == [#""a,b""#, #""c;d=e""#])
        #expect(try list("\"\", \"é\"") == ["\"\"", "\"é\""])
        // A backslash is no escape here.
        #expect(try list(#""a\""#) == [#""a\""#])
    }

    @Test(arguments: [
        "", " ", ",", ",,", "1", "\"1", "1\"", "\"1\" \"2\"", "w/\"1\"", "W\"1\"", "W/", "W/1", "W/ \"1\"", "\"1 2\"",
        "\"1\", *", "*, \"1\"", "\"1\";", "\"a\"b\"", "\"\u{7F}\"", "\"\t\"",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: Problem.self) { try list(text) }
    }

    @Test func `a tag names a version to the letter`() throws {
        func version(_ text: String) throws -> UInt64? { try EntityTag.list("If-Match", text)[0].version }
        #expect(try version(#""10""#) == 10)
        #expect(try version(#""0""#) == 0)
        #expect(try version(#""18446744073709551615""#) == .max)
        for text in [
            #""3;expired=""#, #""3;expired=0""#, #""3;expired=01""#, #""3;expired=1;expired=1""#, #"";expired=1""#,
            #""3;amounts=string;expired=1""#, #""010""#, #""+10""#, #""-0""#, #""""#, #""18446744073709551616""#,
            #""1;amounts=number""#, #""٣""#,
        ] {
            #expect(try version(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [DecimalForm.number, .string])
    func `a tag of either form comes back as its version`(form: DecimalForm) throws {
        let tag = EntityTag(version: 42, form)
        #expect(try EntityTag.list("If-Match", tag.description) == [tag])
        #expect(tag.version == 42)
        #expect(!tag.isWeak)
    }

    @Test(arguments: [DecimalForm.number, .string])
    func `a tag with what has expired since names the version too, and is another tag`(form: DecimalForm) throws {
        let tag = EntityTag(version: 42, expired: 3, form)
        #expect(tag.description.hasPrefix(#""42;expired=3"#))
        #expect(tag.version == 42)
        #expect(tag != EntityTag(version: 42, form))
        #expect(tag != EntityTag(version: 42, expired: 2, form))
        #expect(EntityTag(version: 42, expired: 0, form) == EntityTag(version: 42, form))
        #expect(try EntityTag.list("If-Match", tag.description) == [tag])
    }

    @Test func `a tag of another kind of answer names no version`() {
        #expect(EntityTag(version: 3).marked("csv").description == #""3;csv""#)
        #expect(EntityTag(version: 3).marked("csv").version == nil)
    }

    @Test func `the two forms have different tags`() {
        #expect(EntityTag(version: 3, .number).description == #""3""#)
        #expect(EntityTag(version: 3, .string) != EntityTag(version: 3, .number))
    }
}
