import ServiceSupport
import Testing

@Suite struct PrintableTextTests {
    @Test(
        arguments: [
            ("Zoë 株式会社 👍", "Zoë 株式会社 👍"), ("a\u{1B}[31mb", #"a\u{1B}[31mb"#), ("a\nb\r\t", #"a\u{A}b\u{D}\u{9}"#),
            ("\u{7F}\u{80}\u{9B}", #"\u{7F}\u{80}\u{9B}"#), ("\u{202E}\u{2066}\u{200E}", #"\u{202E}\u{2066}\u{200E}"#),
            ("\u{2028}\u{FEFF}\u{E0041}", #"\u{2028}\u{FEFF}\u{E0041}"#), ("a\u{200D}b\u{200C}", "a\u{200D}b\u{200C}"),
            ("e\u{301}", "e\u{301}"), ("", ""),
        ])
    func `Characters that steer a terminal are escaped, all others stay`(text: String, expected: String) {
        #expect(PrintableText(text).description == expected)
        // Interpolated, it is text of others all the same; the words around it are the program's own.
        let text: PrintableText = "\u{1B}[1m\(text)\n"
        #expect(text.description == "\u{1B}[1m\(expected)\n")
    }

    @Test
    func `What is escaped is not escaped again`() {
        let inner: PrintableText = "\("\n")"
        let outer: PrintableText = "<\(inner)>" + "\u{7}"
        #expect(outer.description == "<\\u{A}>\u{7}")
    }

    @Test
    func `Text in lines keeps its line feeds`() {
        #expect(PrintableText(lines: "a\u{1B}\n\nb").description == "a\\u{1B}\n\nb")
    }
}
