internal import JSON
internal import ServiceSupport

/// Output for programs: one JSON value a line.
enum JSONOutput {
    static func line(_ members: KeyValuePairs<String, JSONValue>) {
        line(.object(members.map { JSONValue.Member(name: $0.key, value: $0.value) }))
    }

    static func line(_ value: JSONValue) {
        var writer = JSONWriter()
        writer.value(value)
        Terminal.write(printable(writer.bytes) + [UInt8(ascii: "\n")])
    }

    static func number(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(Int64(clamping: value))) }

    /// The same JSON with characters escaped that could steer a terminal: a program's output is looked at by people too. They
    /// stand in strings only.
    static func printable(_ json: [UInt8]) -> [UInt8] {
        if json.allSatisfy({ $0 < 0x7F }) { return json }
        var printable = ""
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            guard PrintableText.mustBeEscaped(scalar) else {
                printable.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                printable += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
        return Array(printable.utf8)
    }
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
