import Access
import Testing

@Suite struct ReachTests {
    @Test(arguments: [
        ("*", "anything", true), ("till-3-*", "till-3-a", true), ("till-3-*", "till-3-", true),
        ("till-3-*", "till-3", false), ("till-3-*", "till-30-a", false), ("acc-1", "acc-1", true),
        ("acc-1", "acc-10", false),
    ])
    func `a pattern reaches one name, or those that begin with what stands before its star`(
        _ pattern: String, _ name: String, _ isReached: Bool
    ) throws {
        #expect(try #require(Reach(pattern)).includes(name) == isReached)
    }

    @Test(arguments: ["", "a*b", "**", "*a", "a b", "ä*", String(repeating: "a", count: 257)])
    func `what is no pattern is refused`(_ text: String) { #expect(Reach(text) == nil) }

    @Test(
        arguments: [
            ("*", "a*", "a*"), ("a*", "ab*", "ab*"), ("ab*", "a*", "ab*"), ("a*", "abc", "abc"), ("a*", "b*", nil),
            ("a*", "b", nil), ("abc", "abc", "abc"), ("abc", "abd", nil),
        ] as [(String, String, String?)])
    func `what two patterns reach is what both reach`(_ left: String, _ right: String, _ both: String?) throws {
        let (left, right) = (try #require(Reach(left)), try #require(Reach(right)))
        #expect(left.intersection(right)?.description == both)
        #expect(right.intersection(left)?.description == both)
    }
}
