internal import JSON
internal import ServiceSupport

/// The members of an object, one a line, their values below each other.
enum MemberLines {
    static func print(_ value: JSONValue) {
        guard case .object(let members) = value else { return }
        let width = members.reduce(0) { max($0, PrintableText($1.name).count) }
        for member in members {
            let name = PrintableText(member.name)
            let space = String(repeating: " ", count: width - name.count)
            for (index, line) in lines(of: member.value).enumerated() {
                let heading = index == 0 ? Terminal.coloured(member.name, .faint) : PrintableText("")
                let indent = index == 0 ? space : String(repeating: " ", count: width)
                Terminal.line("\(heading)\(indent)  \(line)")
            }
        }
    }

    /// A value in lines: an array an element a line, an object in one line.
    private static func lines(of value: JSONValue) -> [String] {
        switch value {
        case .array(let elements): elements.map(line)
        default: [line(of: value)]
        }
    }

    private static func line(of value: JSONValue) -> String {
        switch value {
        case .object(let members): members.map { "\($0.name) \(line(of: $0.value))" }.joined(separator: ", ")
        case .array(let elements): elements.map(line).joined(separator: "; ")
        case .null: "none"
        default: value.text
        }
    }
}
