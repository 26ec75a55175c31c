internal import Accounts
internal import EventSourcing
internal import JSON

/// One line of a file in the shape of the recipe: an event of the recipe and its account,
/// `{"account":"acc-001","type":"MoneyDeposited","amount":500.0}`.
struct RecipeLine {
    /// The schema version of the recipe's events.
    static let schemaVersion: UInt16 = 1
    /// As for a command that opens an account.
    static let maxOwnerLength = 256

    let stream: StreamID
    let type: String
    /// The event's data, numbers as they are written.
    let data: [UInt8]

    init(_ line: [UInt8]) throws(RecipeLineError) {
        let stream = try Self.stream(of: line)
        var type: String?
        var writer = JSONWriter()
        writer.beginObject()
        do throws(JSONError) {
            var reader = JSONReader(line)
            try reader.readObject { name, reader throws(JSONError) in
                switch name {
                case "account": break
                case "type": type = try reader.readString()
                default:
                    writer.member(name: name)
                    writer.value(try reader.readValue())
                }
            }
        } catch {
            throw RecipeLineError(error.description, of: stream)
        }
        writer.endObject()
        guard let type else { throw RecipeLineError("the member type is missing", of: stream) }
        self.stream = stream
        self.type = type
        data = writer.bytes
    }

    /// Whose line it is, which must be beyond doubt: a line that is no JSON may be another's too, as two lines in one are.
    private static func stream(of line: [UInt8]) throws(RecipeLineError) -> StreamID {
        var accounts: [String] = []
        do throws(JSONError) {
            try JSONReader.validate(line, requireObject: true)
            var reader = JSONReader(line)
            try reader.readObject(refusingDuplicates: false) { name, reader throws(JSONError) in
                if name == "account" { accounts.append(try reader.readString()) }
            }
        } catch {
            throw RecipeLineError(error.description)
        }
        guard let account = accounts.first else { throw RecipeLineError("the member account is missing") }
        guard accounts.count == 1 else { throw RecipeLineError("the member account is given twice") }
        guard let stream = Account.stream(of: account) else {
            throw RecipeLineError("“\(account)” is no account id: \(Account.idRule)")
        }
        return stream
    }

    /// The account's event.
    func event() throws(RecipeLineError) -> AccountEvent {
        let event: AccountEvent
        do {
            event = try AccountEvent(type: type, schemaVersion: Self.schemaVersion, data: data)
        } catch {
            throw RecipeLineError(error.reason, of: stream)
        }
        if case .opened(let owner, _, _, _) = event, owner.unicodeScalars.count > Self.maxOwnerLength {
            throw RecipeLineError("the owner has more than \(Self.maxOwnerLength) characters", of: stream)
        }
        return event
    }
}

/// Why a line cannot be taken.
struct RecipeLineError: Error {
    let reason: String
    /// Whose line it is, where that is known.
    let stream: StreamID?

    init(_ reason: String, of stream: StreamID? = nil) {
        self.reason = reason
        self.stream = stream
    }
}
