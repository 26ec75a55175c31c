/// Reads the texts of query parameters and header fields.
public enum ParameterReading {
    /// The maximum number of a query's parameters: every one takes work, and no request needs so many.
    private static let maxItems = 64

    /// The names and values of a query, in order, decoded: `%XX` stands for a byte of UTF-8, `+` for a space.
    ///
    /// - Throws: ``Problem`` 400 if the encoding is broken, or there are more than 64.
    public static func items(of query: String?) throws(Problem) -> [(name: String, value: String)] {
        guard let query else { return [] }
        var items: [(name: String, value: String)] = []
        let pieces = query.split(separator: "&", maxSplits: maxItems)
        guard pieces.count <= maxItems else {
            throw .invalidParameter(
                "the query", "\(query.prefix(64))…", expected: "at most \(maxItems) parameters")
        }
        for item in pieces {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { part in
                let hasPlus = part.utf8.contains(UInt8(ascii: "+"))
                return PercentEncoding.undone(hasPlus ? part.replacing("+", with: " ") : part)
            }
            guard let name = decoded[0], let value = decoded.count == 2 ? decoded[1] : "" else {
                throw .invalidParameter("the query", String(item), expected: "percent-encoded UTF-8")
            }
            items.append((name, value))
        }
        return items
    }

    /// A whole number within bounds; nil where there is no text.
    public static func integer<Integer: FixedWidthInteger>(
        _ name: String, _ text: String?, in bounds: ClosedRange<Integer>
    ) throws(Problem) -> Integer? {
        guard let text else { return nil }
        guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }), let value = Integer(text),
            bounds.contains(value)
        else {
            throw .invalidParameter(
                name, text, expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return value
    }

    /// A time such as `500ms` or `2s`, at most `longest`; nil where there is no text.
    public static func duration(_ name: String, _ text: String?, longest: Duration) throws(Problem) -> Duration? {
        guard let text else { return nil }
        guard let value = Duration(settingText: text), value <= longest else {
            throw .invalidParameter(name, text, expected: "a time such as 500ms or 2s, at most \(longest)")
        }
        return value
    }
}
