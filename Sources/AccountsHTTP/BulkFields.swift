internal import Accounts
internal import CommandService
internal import JSON

/// What stands beside a command in a line of many.
struct BulkFields {
    private var account: String?
    private var key: String?
    private var version: UInt64?
    private var correlationID: String?
    private var causationID: String?
    private var problems: [FieldError] = []
    /// Which were found, a bit each, so that none is taken twice.
    private var found: UInt8 = 0

    private enum Member: UInt8 {
        case account = 1
        case key = 2
        case version = 4
        case correlationID = 8
        case causationID = 16

        init?(_ name: String) {
            switch name {
            case "account": self = .account
            case "idempotency_key": self = .key
            case "if_match": self = .version
            case "correlation_id": self = .correlationID
            case "causation_id": self = .causationID
            default: return nil
            }
        }
    }

    /// Reads a line: the command's own fields, and these.
    ///
    /// - Throws: ``CommandParsingError`` where the line is no JSON object, or one of these is missing, given twice or not of
    ///   its form; else where the command is not in order.
    static func parse(_ line: [UInt8]) throws(CommandParsingError) -> BulkCommand<AccountCommand> {
        var fields = BulkFields()
        let command: AccountCommand
        do throws(CommandParsingError) {
            command = try AccountCommand.parse(line) { name, reader throws(JSONError) in
                try fields.take(name, &reader)
            }
        } catch {
            if error.isAboutFields { _ = try fields.checked() }
            throw error
        }
        let account = try fields.checked()
        return BulkCommand(
            id: account, command: command, key: fields.key, version: fields.version,
            correlationID: fields.correlationID, causationID: fields.causationID)
    }

    /// The account's id, once the line is read.
    ///
    /// - Throws: ``CommandParsingError`` if there is none, or one of these is not in order.
    private mutating func checked() throws(CommandParsingError) -> String {
        if account == nil { refuse("account", "expected the account's id, as a string") }
        guard let account, problems.isEmpty else { throw .invalidCommand(problems) }
        return account
    }

    /// Takes a member in where it is one of these.
    private mutating func take(_ name: String, _ reader: inout JSONReader) throws(JSONError) -> Bool {
        guard let member = Member(name) else { return false }
        guard found & member.rawValue == 0 else {
            refuse(name, "expected once, found again")
            return true
        }
        found |= member.rawValue
        switch (member, try reader.peekKind()) {
        case (.account, .string): account = try reader.readString()
        case (.account, _): break
        case (.key, .string): key = try reader.readString()
        case (.correlationID, .string): correlationID = try reader.readString()
        case (.causationID, .string): causationID = try reader.readString()
        case (.key, _), (.correlationID, _), (.causationID, _): refuse(name, "expected a string")
        case (.version, .number):
            version = UInt64(try reader.readNumberLiteral())
            if version == nil { fallthrough }
        case (.version, _): refuse(name, "expected a version, as a whole number")
        }
        return true
    }

    private mutating func refuse(_ name: String, _ detail: String) {
        guard problems.count < CommandParsingError.maxProblems else { return }
        problems.append(FieldError(pointer: JSONPointer.member(name), detail: detail))
    }
}

extension CommandParsingError {
    /// Whether the line was read, and only what stands in it is wrong.
    fileprivate var isAboutFields: Bool {
        switch self {
        case .malformedJSON: false
        case .invalidCommand(let problems): !problems.contains { $0.pointer.isEmpty }
        case .amountOutOfRange: true
        }
    }
}
