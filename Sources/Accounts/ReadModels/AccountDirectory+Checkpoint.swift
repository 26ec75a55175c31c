public import EventSourcing
internal import JSON

extension AccountDirectory: CheckpointedProjection {
    /// To be changed with every change of what the same records lead to, or of the form below.
    public static let schema = "accounts: a JSON object an account, in the order of names; 1; \(Account.snapshotSchema)"

    /// Reads accounts, a JSON object each.
    public init(reading nextLine: () throws -> [UInt8]?) throws {
        self.init()
        while let line = try nextLine() {
            let account: Revision<Account>
            do {
                account = try Self.account(from: line)
            } catch {
                throw CheckpointError("account \(count + 1) of the checkpoint cannot be read: \(error)")
            }
            guard self.account(account.stream.name) == nil else {
                throw CheckpointError("the account \(account.stream.name) stands twice in the checkpoint")
            }
            add(account)
        }
    }

    /// Writes the accounts in the order of their names.
    public func write(_ line: ([UInt8]) throws -> Void) rethrows {
        var last: String?
        while true {
            let page = accounts(after: last, limit: 1000)
            for account in page.accounts { try line(Self.line(of: account)) }
            guard let name = page.lastName else { return }
            last = name
        }
    }

    private static func line(of account: Revision<Account>) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.member("id")
        writer.string(account.stream.name)
        writer.member("version")
        writer.integer(account.version)
        if let lastEvent = account.lastEvent {
            writer.member("last_event")
            writer.string(lastEvent.description)
        }
        if let createdAt = account.createdAt {
            writer.member("created_at")
            writer.integer(createdAt.microseconds)
        }
        if let updatedAt = account.updatedAt {
            writer.member("updated_at")
            writer.integer(updatedAt.microseconds)
        }
        account.state.writeSnapshotMembers(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    private static func account(from line: [UInt8]) throws -> Revision<Account> {
        var id: String?
        var version: UInt64?
        var lastEvent: UniqueID?
        var createdAt: Timestamp?
        var updatedAt: Timestamp?
        var members = Account.SnapshotMembers()
        var reader = JSONReader(line)
        try reader.readObject { name, reader throws(JSONError) in
            switch name {
            case "id": id = try reader.readString()
            case "version": version = UInt64(try reader.readNumberLiteral())
            case "last_event": lastEvent = UniqueID(try reader.readString())
            case "created_at": createdAt = try reader.readTimestamp()
            case "updated_at": updatedAt = try reader.readTimestamp()
            default: _ = try members.read(name, &reader)
            }
        }
        try reader.finish()
        guard let id, let stream = StreamID(category: Account.category, name: id), let version, let lastEvent,
            let createdAt, let updatedAt
        else { throw JSONError(code: .unexpectedMember, offset: 0, reason: "a member is missing or not of its form") }
        return try Revision(
            of: stream, state: members.account(), version: version, lastEvent: lastEvent, createdAt: createdAt,
            updatedAt: updatedAt)
    }
}

extension JSONReader {
    /// A moment as its microseconds; nil for a number that is none.
    fileprivate mutating func readTimestamp() throws(JSONError) -> Timestamp? {
        Int64(try readNumberLiteral()).flatMap { Timestamp(exactMicroseconds: $0) }
    }
}
