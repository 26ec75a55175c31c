extension String {
    /// A text of others as one line of printable characters, at most 200 of them.
    package var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(200).map { $0.isPrintable ? $0 : "?" }))
    }

    /// A text of several lines as one: a semicolon between lines, and one space for each run of white space in them.
    package var joinedLines: String {
        split(whereSeparator: \.isNewline).map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            .filter { !$0.isEmpty }.joined(separator: "; ")
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
