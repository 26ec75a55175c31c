internal import Accounts
internal import EventSourcing
internal import JSON

/// One line of a file in the shape of the recipe: an event of the recipe and its account,
/// `{"account":"acc-001","type":"MoneyDeposited","amount":500.0}`.
struct RecipeLine {
    /// The schema version of the recipe's events.
    static let schemaVersion: UInt16 = 1

    let stream: StreamID
    let type: String
    /// The event's data, numbers as they are written.
    let data: [UInt8]

    init(_ line: [UInt8]) throws(RecipeLineError) {
        var account: String?
        var type: String?
        var writer = JSONWriter()
        writer.beginObject()
        do throws(JSONError) {
            try JSONReader.validate(line, requireObject: true)
            var reader = JSONReader(line)
            try reader.readObject { name, reader throws(JSONError) in
                switch name {
                case "account": account = try reader.readString()
                case "type": type = try reader.readString()
                default:
                    writer.member(name: name)
                    writer.value(try reader.readValue())
                }
            }
            try reader.finish()
        } catch {
            // Whose line it is may be known all the same.
            let stream = account.flatMap { Account.stream(of: $0) }
            throw RecipeLineError(error.description, of: stream)
        }
        writer.endObject()
        guard let account else { throw RecipeLineError("the member account is missing") }
        guard let stream = Account.stream(of: account) else {
            throw RecipeLineError("“\(account)” is no account id: \(Account.idRule)")
        }
        guard let type else { throw RecipeLineError("the member type is missing", of: stream) }
        self.stream = stream
        self.type = type
        data = writer.bytes
    }

    /// The account's event.
    func event() throws(RecipeLineError) -> AccountEvent {
        do {
            return try AccountEvent(type: type, schemaVersion: Self.schemaVersion, data: data)
        } catch {
            throw RecipeLineError(error.reason, of: stream)
        }
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
