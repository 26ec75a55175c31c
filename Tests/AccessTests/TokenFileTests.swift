import Access
import EventSourcing
import Testing

@Suite struct TokenFileTests {
    private static let digest = String(repeating: "0a", count: 32)
    private static let otherDigest = String(repeating: "0b", count: 32)

    private func entries(_ text: String) throws -> [TokenEntry] { try TokenFile.entries(in: Array(text.utf8)) }

    @Test func `lines are read in order, empty ones passed over`() throws {
        let text = """

            {"name":"till-3","role":"teller","sha256":"\(Self.digest)","accounts":"till-3-*","expires":"2027-01-01T00:00:00Z"}
              \t\r
             { "sha256" : "\(Self.otherDigest.uppercased())" , "role" : "operator", "name" : "ops" }\r

            """
        let entries = try entries(text)
        #expect(entries.map(\.name) == ["till-3", "ops"])
        #expect(entries.map(\.role) == [.teller, .operator])
        #expect(entries.map(\.reach) == [.prefix("till-3-"), .all])
        #expect(entries[0].expires == Timestamp(rfc3339: "2027-01-01T00:00:00Z"))
        #expect(entries[1].expires == nil)
        #expect("\(entries[1].digest)" == Self.otherDigest)
        #expect(try self.entries("").isEmpty)
    }

    @Test func `an entry is read as it was written`() throws {
        let entry = TokenEntry(
            name: #"a"\b"#, role: .auditor, digest: Digest256(hashing: [1]), reach: .one("acc-1"),
            expires: Timestamp(microseconds: 1_800_000_000_000_000))
        #expect(
            try TokenFile.entries(
                in: entry.line + TokenEntry(name: "b", role: .reader, digest: Digest256(hashing: [2])).line
            ).first == entry)
    }

    @Test(arguments: [
        #"{"name":"a","role":"teller"}"#, #"{"name":"a","sha256":"DIGEST"}"#, #"{"role":"teller","sha256":"DIGEST"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","x":1}"#,
        #"{"name":"a","name":"a","role":"teller","sha256":"DIGEST"}"#,
        #"{"name":"a","role":"Teller","sha256":"DIGEST"}"#, #"{"name":"a","role":"admin","sha256":"DIGEST"}"#,
        #"{"name":"a","role":null,"sha256":"DIGEST"}"#, #"{"name":"","role":"teller","sha256":"DIGEST"}"#,
        #"{"name":"a b","role":"teller","sha256":"DIGEST"}"#, #"{"name":"ä","role":"teller","sha256":"DIGEST"}"#,
        #"{"name":1,"role":"teller","sha256":"DIGEST"}"#, #"{"name":"a","role":"teller","sha256":"0a"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGESx"}"#, #"{"name":"a","role":"teller","sha256":"DIGEST0"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","accounts":""}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","accounts":"a*b"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","accounts":["a"]}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","expires":"2027-01-01"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","expires":1800000000}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST","expires":"2027-02-30T00:00:00Z"}"#,
        #"{"name":"a","role":"teller","sha256":"DIGEST"} {}"#, #"{"name":"a","role":"teller","sha256":"DIGEST"},"#,
        #"["a"]"#, "x", "{", "null", "# a comment", #"{"name":"b","role":"teller","sha256":"DIGEST"}"#,
        #"{"name":"a","role":"teller","sha256":"FIRST"}"#,
    ])
    func `what is no token is refused with the number of its line`(_ line: String) {
        let first = #"{"name":"b","role":"reader","sha256":"\#(String(repeating: "0f", count: 32))"}"#
        let text =
            "\(first)\n\n"
            + line.replacing("DIGEST", with: Self.digest).replacing("FIRST", with: String(repeating: "0F", count: 32))
        let error = #expect(throws: AccessError.self) { try entries(text) }
        #expect(error?.description.hasPrefix("line 3") == true, "\(String(describing: error))")
        #expect(error?.description.contains(Self.digest) == false)
    }

    @Test func `names are compared byte by byte and have 128 characters at most`() throws {
        let name = String(repeating: "n", count: 128)
        #expect(try entries(#"{"name":"\#(name)","role":"teller","sha256":"\#(Self.digest)"}"#).count == 1)
        #expect(throws: AccessError.self) {
            try entries(#"{"name":"\#(name)n","role":"teller","sha256":"\#(Self.digest)"}"#)
        }
    }

    @Test func `lines, their number and the file are bounded`() throws {
        let long = #"{"name":"a","role":"teller","sha256":"\#(Self.digest)"}"# + String(repeating: " ", count: 2048)
        #expect(throws: AccessError.self) { try entries(long) }
        var bytes: [UInt8] = []
        for number in 0...TokenFile.maxEntries {
            bytes +=
                TokenEntry(name: "\(number)", role: .reader, digest: Digest256(hashing: Array("\(number)".utf8))).line
        }
        #expect(throws: AccessError.self) { try TokenFile.entries(in: bytes) }
        #expect(throws: AccessError.self) {
            try TokenFile.entries(in: [UInt8](repeating: 10, count: TokenFile.maxBytes + 1))
        }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: AccessError.self) {
            try TokenFile.entries(in: Array(#"{"name":""#.utf8) + [0xFF] + Array(#""}"#.utf8))
        }
    }
}
