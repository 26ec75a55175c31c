/// A line of a settings file that cannot be read.
package struct SettingsFileError: Error, Hashable, Sendable {
    /// The line in which the statement begins, from 1.
    package let line: Int
    /// What is wrong with it.
    package let problem: String
}

/// Reads the text of a settings file by the rules of python-dotenv 1.2, so that a file that several programs share means
/// the same to all of them.
///
/// What python-dotenv would pass over, or replace by something else, is refused: a name without `=`, what it cannot
/// parse, and `${NAME}` in a value. So every line of a file that is read has its effect.
package struct SettingsFileParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var line = 1

    /// The values by their names; the last one counts if a name is given more than once.
    package static func entries(in text: String) throws(SettingsFileError) -> [String: SettingsFile.Entry] {
        var parser = Self(text)
        var entries: [String: SettingsFile.Entry] = [:]
        while let (name, entry) = try parser.nextStatement() { entries[name] = entry }
        return entries
    }

    private init(_ text: String) {
        var scalars = Array(text.unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        // As Python opens text files: CR LF and CR end a line like LF.
        var unified: [Unicode.Scalar] = []
        unified.reserveCapacity(scalars.count)
        var previous: Unicode.Scalar?
        for scalar in scalars {
            if scalar == "\r" {
                unified.append("\n")
            } else if scalar != "\n" || previous != "\r" {
                unified.append(scalar)
            }
            previous = scalar
        }
        self.scalars = unified
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func nextStatement() throws(SettingsFileError) -> (name: String, entry: SettingsFile.Entry)? {
        while true {
            skip { $0.isPythonWhitespace }
            guard next == "#" else { break }
            skip { $0 != "\n" }
        }
        guard next != nil else { return nil }
        let start = line
        skipExport()
        let name = try name(from: start)
        skip(Self.isBlank)
        guard next == "=" else { throw SettingsFileError(line: start, problem: "“\(name)” is not followed by =") }
        index += 1
        let value = try value(from: start)
        guard !value.contains("${") else {
            throw SettingsFileError(
                line: start, problem: "“${” in a value is not replaced by Daybook: write the value itself")
        }
        return (name, SettingsFile.Entry(value: value, line: start))
    }

    private mutating func skipExport() {
        let word = "export".unicodeScalars
        guard scalars[index...].starts(with: word) else { return }
        let end = index + word.count
        guard end < scalars.count, Self.isBlank(scalars[end]) else { return }
        index = end
        skip(Self.isBlank)
    }

    private mutating func name(from start: Int) throws(SettingsFileError) -> String {
        let name: String
        if next == "'" {
            index += 1
            name = take { $0 != "'" }
            guard next == "'" else { throw SettingsFileError(line: start, problem: "the quote ' is not closed") }
            index += 1
        } else {
            name = take { $0 != "=" && $0 != "#" && !$0.isPythonWhitespace }
        }
        guard !name.isEmpty else { throw SettingsFileError(line: start, problem: "expected NAME=VALUE") }
        return name
    }

    private mutating func value(from start: Int) throws(SettingsFileError) -> String {
        let beforeBlanks = index
        skip(Self.isBlank)
        let value: String
        switch next {
        case "'": value = try quoted(by: "'", escapes: ["\\": "\\", "'": "'"], from: start)
        case "\"": value = try quoted(by: "\"", escapes: Self.escapesInDoubleQuotes, from: start)
        case "#" where index > beforeBlanks: value = ""
        default: return unquoted()
        }
        skip(Self.isBlank)
        if next == "#" { skip { $0 != "\n" } }
        guard next == nil || next == "\n" else {
            throw SettingsFileError(line: start, problem: "something follows the closing quote")
        }
        return value
    }

    private mutating func quoted(
        by quote: Unicode.Scalar, escapes: [Unicode.Scalar: Unicode.Scalar], from start: Int
    ) throws(SettingsFileError) -> String {
        index += 1
        var value = String.UnicodeScalarView()
        while let scalar = next, scalar != quote {
            advance()
            guard scalar == "\\", let escaped = next else {
                value.append(scalar)
                continue
            }
            advance()
            if let meaning = escapes[escaped] {
                value.append(meaning)
            } else {
                value.append(contentsOf: [scalar, escaped])
            }
        }
        guard next == quote else { throw SettingsFileError(line: start, problem: "the quote \(quote) is not closed") }
        index += 1
        return String(value)
    }

    /// The rest of the line, up to a `#` that follows whitespace.
    private mutating func unquoted() -> String {
        let start = index
        skip { $0 != "\n" }
        var end = start
        var previousIsSpace = false
        for (place, scalar) in zip(start..<index, scalars[start..<index]) {
            if scalar == "#", previousIsSpace { break }
            previousIsSpace = scalar.isPythonWhitespace
            if !previousIsSpace { end = place + 1 }
        }
        return String(String.UnicodeScalarView(scalars[start..<end]))
    }

    private static let escapesInDoubleQuotes: [Unicode.Scalar: Unicode.Scalar] = [
        "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t",
        "v": "\u{B}",
    ]

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isPythonWhitespace && scalar != "\n"
    }

    private mutating func advance() {
        if scalars[index] == "\n" { line += 1 }
        index += 1
    }

    private mutating func skip(_ isSkipped: (Unicode.Scalar) -> Bool) {
        while let scalar = next, isSkipped(scalar) { advance() }
    }

    private mutating func take(_ isTaken: (Unicode.Scalar) -> Bool) -> String {
        let start = index
        skip(isTaken)
        return String(String.UnicodeScalarView(scalars[start..<index]))
    }
}

extension Unicode.Scalar {
    /// Whether Python's `\s` matches it: Unicode's whitespace and the four information separators.
    fileprivate var isPythonWhitespace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}
