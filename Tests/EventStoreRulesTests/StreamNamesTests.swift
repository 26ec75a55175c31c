import EventSourcing
import Testing

@testable import EventStoreRules

@Suite struct StreamNamesTests {
    private let a = StreamID(category: "account", name: "a")!
    private let b = StreamID(category: "account", name: "b-.~_Z9")!

    private func decode(_ text: String, count: Int = 2) -> [StreamID]? {
        StreamNames.decode(Array(text.utf8), scope: a, count: count)
    }

    @Test func `names are read as they were written`() throws {
        #expect(StreamNames.encode([a]) == nil)
        #expect(decode("", count: 1) == [a])
        let text = try #require(StreamNames.encode([a, b]))
        #expect(text == #"["account/a","account/b-.~_Z9"]"#)
        #expect(decode(text) == [a, b])
    }

    @Test func `an older program kept the name of the first of several only`() {
        #expect(decode("", count: 3) == [a])
    }

    @Test(arguments: [
        "[", "[]", "x", #"["account/a"]"#, #"["account/b","account/a"]"#, #"["account/a","account/b","account/c"]"#,
        #"["account/a","account/"]"#, #"["account/a","account"]"#, #"["account/a","account/b/c"]"#,
        #"["account/a", "account/b"]"#, #"["account/a",'account/b']"#, #"("account/a","account/b")"#,
        #"["account/a","account/b"] "#, #"["account/a","account/b\u0041"]"#, #"["account/a","a,b/c"]"#,
    ])
    func `anything else is none`(text: String) {
        #expect(decode(text) == nil)
    }
}
