internal import JSON

/// Output for programs: one JSON value a line.
enum JSONOutput {
    static func line(_ members: KeyValuePairs<String, JSONValue>) {
        var writer = JSONWriter()
        writer.value(.object(members.map { JSONValue.Member(name: $0.key, value: $0.value) }))
        Terminal.write(writer.bytes + [UInt8(ascii: "\n")])
    }

    static func line(_ value: JSONValue) {
        var writer = JSONWriter()
        writer.value(value)
        Terminal.write(writer.bytes + [UInt8(ascii: "\n")])
    }

    static func number(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(Int64(clamping: value))) }
}

extension JSONValue {
    /// A member of an object; nil where there is none, or this is no object.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a string or a number; empty for everything else.
    var text: String {
        switch self {
        case .string(let text): text
        case .number(let number): number.literal
        case .bool(let flag): flag ? "true" : "false"
        case .array, .object, .null: ""
        }
    }

    /// A whole number; nil where it is none.
    var integer: UInt64? {
        guard case .number(let number) = self else { return nil }
        return UInt64(number.literal)
    }
}
