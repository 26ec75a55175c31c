import Access
import Testing

@Suite struct BearerTokenTests {
    @Test(arguments: [
        ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER   a-._~+/9==", "a-._~+/9=="), ("bEaReR a", "a"),
    ])
    func `one bearer token is read, whatever the case of the scheme`(_ field: String, _ token: String) {
        #expect(BearerToken([field]) == .present(token))
    }

    @Test(arguments: [
        "", " ", "Bearer", "Bearer ", "Bearer  ", "abc", "Basic YTpi", "Bearer a b", "Bearer a,Bearer b", "Bearer a, b",
        "Bearer =a", "Bearer a=b", "Bearer ä", "Bearer a\u{0}", "Bearer\ta", " Bearer a", "Bearer a ", "Bearer \"a\"",
        "Token a", "BearerX a", "Bearer a\u{301}", "\u{12}earer a", "Bearer ===",
    ])
    func `everything else is refused, and not repeated`(_ field: String) {
        guard case .malformed(let reason) = BearerToken([field]) else {
            Issue.record("\(BearerToken([field]))")
            return
        }
        #expect(field.utf8.count < 8 || !reason.contains(field))
    }

    @Test func `no field is no token, and two fields are none either`() {
        #expect(BearerToken([]) == .absent)
        guard case .malformed = BearerToken(["Bearer a", "Bearer a"]) else {
            Issue.record("two fields")
            return
        }
        guard case .malformed = BearerToken(["Bearer a", ""]) else {
            Issue.record("two fields, one empty")
            return
        }
    }

    @Test func `a token is at most 8 KiB long`() {
        let longest = String(repeating: "a", count: BearerToken.maxLength)
        #expect(BearerToken(["Bearer " + longest]) == .present(longest))
        guard case .malformed = BearerToken(["Bearer " + longest + "a"]) else {
            Issue.record("too long")
            return
        }
        guard case .malformed = BearerToken(["Bearer " + String(repeating: " ", count: 100) + longest]) else {
            Issue.record("too long")
            return
        }
    }
}
