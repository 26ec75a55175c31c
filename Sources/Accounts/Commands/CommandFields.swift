internal import JSON

/// The members of a request's body as they were given, and what was found wrong with them so far.
///
/// All are read before any is judged, since the member that names the command may come last.
struct CommandFields {
    enum Value {
        case string(String)
        case number(String)
        case other(JSONKind)

        /// The value as it is shown to the client: its beginning, where it is long.
        var description: String {
            switch self {
            case .string(let text): "the string \"\(Self.excerpt(of: text))\""
            case .number(let literal): Self.excerpt(of: literal)
            case .other(let kind): kind.description
            }
        }

        private static func excerpt(of text: String) -> String {
            let beginning = String(text.unicodeScalars.prefix(40))
            return beginning.utf8.count == text.utf8.count ? text : beginning + "…"
        }
    }

    /// By the index of the field.
    private var values: [17 of Value?] = .init(repeating: nil)
    /// A bit for each field that was given.
    private var given: UInt32 = 0
    private var unknown: [String] = []
    var problems = CommandProblems()

    subscript(field: CommandField) -> Value? { values[field.index] }

    /// Reads a document that is an object, keeping the first of members that come twice.
    ///
    /// - Parameter others: is shown the members that are no fields of commands, and tells whether they may stand there.
    init(
        _ body: [UInt8], besides others: (_ name: String, inout JSONReader) throws(JSONError) -> Bool
    ) throws(JSONError) {
        var values = values
        var given = given
        var unknown = unknown
        var problems = problems
        var reader = JSONReader(body)
        try reader.readObject(refusingDuplicates: false) { name, reader throws(JSONError) in
            guard let field = CommandField(rawValue: name) else {
                if try !others(name, &reader) { unknown.append(name) }
                return
            }
            let index = field.index
            guard given & 1 << index == 0 else { return problems.add(field, "expected once, found again") }
            given |= 1 << index
            switch try reader.peekKind() {
            case .string: values[index] = .string(try reader.readString())
            case .number: values[index] = .number(try reader.readNumberLiteral())
            case let kind: values[index] = .other(kind)
            }
        }
        try reader.finish()
        self.values = values
        self.given = given
        self.unknown = unknown
        self.problems = problems
    }

    /// Notes a value that cannot be read as what its field is.
    mutating func refuse(_ field: CommandField, expected: String, found: Value?) {
        problems.add(field, "expected \(expected), found \(found?.description ?? "nothing")")
    }

    /// Notes the members that are no fields of the command.
    mutating func refuseOthers(than fields: [CommandField], of command: String) {
        if given & ~fields.reduce(0, { $0 | 1 << $1.index }) == 0, unknown.isEmpty { return }
        let foreign = CommandField.allCases.filter { self[$0] != nil && !fields.contains($0) }.map(\.name)
        let expected = fields.map(\.name).joined(separator: ", ")
        for name in (foreign + unknown).prefix(CommandParsingError.mostProblems) {
            problems.add(
                FieldError(pointer: JSONPointer.member(name), detail: "not a field of \(command): expected \(expected)")
            )
        }
    }
}
