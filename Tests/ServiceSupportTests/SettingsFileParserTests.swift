import ServiceSupport
import Testing

/// The rules of python-dotenv 1.2. Tests/Deploy compares them with python-dotenv itself.
@Suite struct SettingsFileParserTests {
    private func values(_ text: String) throws -> [String: String] {
        try SettingsFileParser.entries(in: text).mapValues(\.value)
    }

    @Test(arguments: [
        ("A=b", "b"), ("A=b\r\n", "b"), ("A=b\r", "b"), ("\u{FEFF}A=b", "b"), ("export A=b", "b"), ("  A = b  \n", "b"),
        ("export\t A=b", "b"), ("A=b # c", "b"), ("A=b#c", "b#c"), ("A=#c", "#c"), ("A= # c", ""), ("A=", ""),
        ("A=\nB=c", ""), ("A=b c", "b c"), ("A='b # c' # d", "b # c"), ("A=\"b # c\"#d", "b # c"),
        ("A='it\\'s'", "it's"), ("A='\\n'", "\\n"), ("A=\"\\n\\t\\\"\\\\\\d\"", "\n\t\"\\\\d"), ("A=\"b\nc\"", "b\nc"),
        ("A=\"b\r\nc\"", "b\nc"), ("'A'=b", "b"), ("A=b=c", "b=c"), ("A=b\nA=c", "c"), ("A=b'c'", "b'c'"),
        ("# c\n\n \t\nA=b", "b"), ("A=$B", "$B"), ("A=b\u{3000}#c", "b"),
    ])
    func `a line is read as python-dotenv reads it`(text: String, value: String) throws {
        #expect(try values(text)["A"] == value)
    }

    @Test(arguments: [
        ("A", 1), ("B=c\nA\n", 2), ("export A", 1), ("=b", 1), ("\n\nA='b", 3), ("A=\"b\" c", 1), ("A=\"b\\\"", 1),
        ("A=${B}", 1), ("A='${B:-c}'", 1), ("'A=b", 1), ("''=b", 1), ("B='1\n2'\nA b=c", 3), ("export # c", 1),
        ("A # c", 1),
    ])
    func `a line that would be ignored, or replaced, is refused by its number`(text: String, line: Int) {
        let error = #expect(throws: SettingsFileError.self) { _ = try values(text) }
        #expect(error?.line == line)
    }

    @Test(arguments: ["", "\n\r\n\r", "# only a comment", "\u{FEFF}"])
    func `a file may say nothing`(text: String) throws {
        #expect(try values(text).isEmpty)
    }
}
