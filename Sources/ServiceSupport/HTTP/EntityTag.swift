public import JSON

/// An entity tag of RFC 9110, section 8.8.3. Daybook's are made of the versions of accounts: `"3"`, and, since time alone
/// changes what is shown too, of the number of holds that have expired since: `"3;expired=1"`.
public struct EntityTag: Hashable, Sendable, CustomStringConvertible {
    /// What stands between the quotes.
    public let value: String
    /// Whether `W/` stands before it.
    public let isWeak: Bool

    private static let stringsSuffix = ";amounts=string"
    private static let expiredInfix = ";expired="

    init(value: String, isWeak: Bool) {
        self.value = value
        self.isWeak = isWeak
    }

    /// The strong tag of an aggregate at a version, in a form: two forms are other bytes, so they must have two tags.
    ///
    /// - Parameter expired: how much of the aggregate has expired by the time that it is shown as of, without an event.
    public init(version: UInt64, expired: Int = 0, _ amounts: DecimalForm = .number) {
        value =
            String(version) + (expired > 0 ? "\(Self.expiredInfix)\(expired)" : "")
            + (amounts == .number ? "" : Self.stringsSuffix)
        isWeak = false
    }

    /// The same tag for another kind of answer, since its bytes are others.
    public func marked(_ kind: String) -> EntityTag { EntityTag(value: "\(value);\(kind)", isWeak: isWeak) }

    /// The version that the tag names, in whichever form and however much has expired; nil if it is no tag that
    /// ``init(version:expired:_:)`` makes. It is compared to the letter, so `"010"` is not version 10.
    public var version: UInt64? {
        var rest = value.hasSuffix(Self.stringsSuffix) ? value.dropLast(Self.stringsSuffix.count) : value[...]
        if let infix = rest.firstRange(of: Self.expiredInfix) {
            let expired = rest[infix.upperBound...]
            guard let number = Int(expired), number > 0, String(number) == expired else { return nil }
            rest = rest[..<infix.lowerBound]
        }
        guard let version = UInt64(rest), String(version) == rest else { return nil }
        return version
    }

    /// As it stands in a header field.
    public var description: String { isWeak ? "W/\"\(value)\"" : "\"\(value)\"" }

    /// Reads a list of tags from a header field: separated by commas, of which some may have nothing between them
    /// (section 5.6.1.2).
    ///
    /// - Throws: ``Problem`` 400 if the text is no such list.
    public static func list(_ name: String, _ text: String) throws(Problem) -> [EntityTag] {
        var tags: [EntityTag] = []
        var reader = FieldValueReader(text)
        reader.skipWhiteSpace()
        while !reader.isAtEnd {
            if !reader.take(",") {
                let isWeak = reader.take("W")
                guard !isWeak || reader.take("/"), let value = reader.opaqueTag() else { throw expected(name, text) }
                tags.append(EntityTag(value: value, isWeak: isWeak))
                reader.skipWhiteSpace()
                guard reader.isAtEnd || reader.take(",") else { throw expected(name, text) }
            }
            reader.skipWhiteSpace()
        }
        guard !tags.isEmpty else { throw expected(name, text) }
        return tags
    }

    private static func expected(_ name: String, _ text: String) -> Problem {
        .invalidParameter(name, text, expected: "entity tags in double quotes, such as \"3\", or *")
    }
}
