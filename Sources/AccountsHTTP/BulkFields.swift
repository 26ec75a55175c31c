internal import Accounts
internal import JSON

/// What stands beside a command in a line of many.
struct BulkFields {
    static let names: Set<String> = ["account", "idempotency_key", "if_match"]

    let account: String
    let key: String?
    let version: UInt64?

    /// Reads them from a line.
    ///
    /// - Throws: ``CommandParsingError`` where the line is no JSON object, or one of them is missing, given twice or not of
    ///   its form. What else stands there is the command's.
    init(_ line: [UInt8]) throws(CommandParsingError) {
        var found: [String: JSONValue] = [:]
        var problems: [FieldError] = []
        do throws(JSONError) {
            try JSONReader.validate(line)
            var reader = JSONReader(line)
            guard try reader.peekKind() == .object else {
                problems = [FieldError(pointer: "", detail: "expected an object, found \(try reader.peekKind())")]
                throw JSONError(code: .unexpectedKind, offset: 0, reason: "")
            }
            try reader.readObject(refusingDuplicates: false) { name, reader throws(JSONError) in
                guard Self.names.contains(name) else { return }
                if found.updateValue(try reader.readValue(), forKey: name) != nil {
                    problems.append(
                        FieldError(pointer: JSONPointer.member(name), detail: "expected once, found again"))
                }
            }
        } catch {
            throw problems.isEmpty ? .malformedJSON(detail: error.description) : .invalidCommand(problems)
        }
        if case .string(let text) = found["account"] {
            account = text
        } else {
            account = ""
            problems.append(FieldError(pointer: "/account", detail: "expected the account's id, as a string"))
        }
        switch found["idempotency_key"] {
        case nil: key = nil
        case .string(let text): key = text
        default:
            key = nil
            problems.append(FieldError(pointer: "/idempotency_key", detail: "expected a string"))
        }
        switch found["if_match"] {
        case nil: version = nil
        case .number(let number) where UInt64(number.literal) != nil: version = UInt64(number.literal)
        default:
            version = nil
            problems.append(FieldError(pointer: "/if_match", detail: "expected a version, as a whole number"))
        }
        if !problems.isEmpty { throw .invalidCommand(problems) }
    }
}
