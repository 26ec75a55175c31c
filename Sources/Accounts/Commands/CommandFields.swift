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

    // What nearly all commands have stands alone, so that these cost no allocation.
    private var type: Value?
    private var amount: Value?
    private var others: [(field: CommandField, value: Value)] = []
    /// Which fields were given.
    private var given: CommandField.Bits = 0
    private var unknown: [String] = []
    var problems = CommandProblems()

    subscript(field: CommandField) -> Value? {
        switch field {
        case .type: type
        case .amount: amount
        default: given & field.bit == 0 ? nil : others.first { $0.field == field }?.value
        }
    }

    /// Whether any of these was given.
    func has(_ fields: CommandField.Bits) -> Bool { given & fields != 0 }

    /// Reads a document that is an object, keeping the first of members that come twice.
    ///
    /// - Parameter others: is shown the members that are no fields of commands, and tells whether they may stand there.
    mutating func read(
        _ body: [UInt8], besides others: (_ name: String, inout JSONReader) throws(JSONError) -> Bool
    ) throws(JSONError) {
        var reader = JSONReader(body)
        try reader.readObject(refusingDuplicates: false) { name, reader throws(JSONError) in
            guard let field = CommandField(name) else {
                if try !others(name, &reader) { unknown.append(name) }
                return
            }
            guard given & field.bit == 0 else { return problems.add(field, "expected once, found again") }
            given |= field.bit
            let value: Value
            switch try reader.peekKind() {
            case .string: value = .string(try reader.readString())
            case .number: value = .number(try reader.readNumberLiteral())
            case let kind: value = .other(kind)
            }
            switch field {
            case .type: type = value
            case .amount: amount = value
            default: self.others.append((field, value))
            }
        }
        try reader.finish()
    }

    /// Notes a value that cannot be read as what its field is.
    mutating func refuse(_ field: CommandField, expected: String, found: Value?) {
        problems.add(field, "expected \(expected), found \(found?.description ?? "nothing")")
    }

    /// Notes the members that are no fields of the command.
    mutating func refuseOthers(than fields: CommandField.Bits, of command: String) {
        if given & ~fields == 0, unknown.isEmpty { return }
        func names(_ bits: CommandField.Bits) -> [String] {
            CommandField.allCases.filter { $0.bit & bits != 0 }.map(\.name)
        }
        let expected = names(fields).joined(separator: ", ")
        for name in (names(given & ~fields) + unknown).prefix(CommandParsingError.maxProblems) {
            problems.add(
                FieldError(pointer: JSONPointer.member(name), detail: "not a field of \(command): expected \(expected)")
            )
        }
    }
}
