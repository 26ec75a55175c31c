/// A media type with its parameters (RFC 9110, section 8.3.1), such as `application/json;charset=utf-8`.
struct MediaType: Hashable, Sendable {
    struct Parameter: Hashable, Sendable {
        /// In small letters.
        let name: String
        let value: String
    }

    /// Type and subtype in small letters: `application/json`.
    let essence: String
    let parameters: [Parameter]

    /// Reads a media type; nil if the text is none, or if something follows it.
    init?(_ text: String) {
        var reader = FieldValueReader(text)
        reader.skipWhiteSpace()
        self.init(from: &reader)
        reader.skipWhiteSpace()
        guard reader.isAtEnd else { return nil }
    }

    /// Reads a media type, or a media range such as `text/*`, from a longer text.
    init?(from reader: inout FieldValueReader) {
        guard let type = reader.token(), reader.take("/"), let subtype = reader.token(),
            let parameters = reader.parameters()
        else { return nil }
        essence = "\(type)/\(subtype)".lowercased()
        self.parameters = parameters
    }

    /// The values of a parameter, in small letters.
    func values(of name: String) -> [String] {
        parameters.filter { $0.name == name }.map { $0.value.lowercased() }
    }
}
