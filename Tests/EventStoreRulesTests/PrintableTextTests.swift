import Testing

@testable import EventStoreRules

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("", ""), ("\n \r\n", ""), ("refused", "refused"), ("a\u{1B}[0mb", "a?[0mb"),
        (
            "connection refused\n\tIs the server running on that host?\n",
            "connection refused; Is the server running on that host?"
        ),
        (" a \t b\r\n\n  c\u{2028}d", "a b; c; d"),
    ])
    func `a text of others is one line`(text: String, line: String) {
        #expect(text.joinedLines.printable == line)
    }
}
