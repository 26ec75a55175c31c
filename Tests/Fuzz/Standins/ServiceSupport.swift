public import HTTPTypes

/// What of a problem the fuzzed files make and read.
public struct Problem: Error, Hashable, Sendable {
    /// The status code.
    public let status: HTTPResponse.Status
    /// The body.
    public let body: [UInt8]

    /// 400: a query parameter or header field cannot be read.
    public static func invalidParameter(_ name: String, _ value: String, expected: String) -> Problem {
        Problem(status: .init(code: 400), body: Array("\(name) is “\(value)”: expected \(expected)".utf8))
    }
}

/// Where the parser of settings files puts what it read.
package struct SettingsFile {
    package struct Entry: Hashable, Sendable {
        package let value: String
        package let line: Int

        package init(value: String, line: Int) {
            self.value = value
            self.line = line
        }
    }
}
