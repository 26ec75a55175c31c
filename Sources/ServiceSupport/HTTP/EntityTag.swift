/// An entity tag of RFC 9110, section 8.8.3. Daybook's are the versions of accounts: `"3"`.
public struct EntityTag: Hashable, Sendable {
    /// What stands between the quotes.
    public let value: String
    /// Whether `W/` stands before it.
    public let isWeak: Bool

    /// Reads a list of tags from a header field.
    ///
    /// - Throws: ``Problem`` 400 where the text is no such list.
    public static func list(_ name: String, _ text: String) throws(Problem) -> [EntityTag] {
        var tags: [EntityTag] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var rest = part.trimmingSpaces()
            let isWeak = rest.hasPrefix("W/")
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.utf8.count >= 2, rest.first == "\"", rest.last == "\"" else {
                throw .invalidParameter(name, text, expected: "entity tags in double quotes, such as \"3\", or *")
            }
            tags.append(EntityTag(value: String(rest.dropFirst().dropLast()), isWeak: isWeak))
        }
        return tags
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...last]
    }
}
