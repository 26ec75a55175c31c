extension String {
    /// A text of others as one line of printable characters, at most 200 of them.
    package var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(200).map { $0.isPrintable ? $0 : "?" }))
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
