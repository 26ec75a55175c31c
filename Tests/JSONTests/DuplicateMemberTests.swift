import JSON
import Testing

/// A member given twice is refused, and named.
@Suite struct DuplicateMemberTests {
    @Test(arguments: [
        (#"{"a":1,"a":1}"#, "/a", 7),
        (#"{"a":1,"\u0061":2}"#, "/a", 7),
        (#"{"b":1,"a":{},"c":[],"a":null}"#, "/a", 21),
        (#"{"":1,"":1}"#, "/", 6),
        (#"{"x":{"y":1,"y":1}}"#, "/x/y", 12),
        (#"{"x":[0,{"y":1},{"y":1,"z":0,"y":1}]}"#, "/x/2/y", 29),
        (#"[[{"é":1,"\u00e9":1}]]"#, "/0/0/é", 10),
        (#"{"a/b":1,"a\/b":1}"#, "/a~1b", 9),
        (#"{"a~b":1,"a~b":1}"#, "/a~0b", 9),
        (#"{"~1/":{"~":1,"\u007e":1}}"#, "/~01~1/~0", 14),
    ])
    func `The error names the member and the place`(_ text: String, _ pointer: String, _ offset: Int) throws {
        let error = try #require(readingError(Array(text.utf8)))
        #expect(error.code == .duplicateMember)
        #expect(error.pointer == pointer)
        #expect(error.offset == offset)
        #expect(error.description.contains(pointer))
    }

    @Test func `Validation is about the grammar, which knows no duplicates`() {
        #expect(validationError(Array(#"{"a":1,"a":1}"#.utf8)) == nil)
    }

    @Test func `Names are the same where their bytes are`() throws {
        // "é" in one scalar and in two: equal to Swift, different to JSON.
        let text = "{\"\u{E9}\":1,\"e\u{301}\":2}"
        guard case .object(let members) = try read(text) else {
            Issue.record("not an object")
            return
        }
        #expect(members.count == 2)
        // Equal to Swift, of equal length, and different to JSON: two marks in two orders.
        #expect(readingError(Array("{\"a\u{323}\u{307}\":1,\"a\u{307}\u{323}\":2}".utf8)) == nil)
    }

    @Test(arguments: [1, 2, 7, 8, 9, 10, 33, 3000])
    func `A duplicate is found among any number of members`(_ count: Int) {
        let members = (0..<count).map { "\"n\($0)\":\($0)" }
        let whole = "{" + members.joined(separator: ",")
        #expect(readingError(Array((whole + "}").utf8)) == nil)
        for index in Set([0, count / 2, count - 1]) {
            let error = readingError(Array((whole + ",\"n\(index)\":0}").utf8))
            #expect(error?.code == .duplicateMember)
            #expect(error?.pointer == "/n\(index)")
        }
    }

    @Test func `A caller that looks itself sees both`() throws {
        var names: [String] = []
        var reader = JSONReader(Array(#"{"a":1,"a":[{}]}"#.utf8))
        try reader.readObject(refusingDuplicates: false) { name, _ throws(JSONError) in names.append(name) }
        try reader.finish()
        #expect(names == ["a", "a"])
    }
}
