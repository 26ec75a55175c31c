internal import EventSourcing
internal import JSON

/// A line of a directory's checkpoint: a JSON object whose first member tells what it is.
enum AccountDirectoryLine {
    case unreadable(UnreadableAccount)
    case flows(AccountTotals.Flows)
    case account(Revision<Account>)

    // MARK: writing

    var bytes: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        switch self {
        case .unreadable(let account): Self.write(account, to: &writer)
        case .flows(let flows): Self.write(flows, to: &writer)
        case .account(let account): Self.write(account, to: &writer)
        }
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ account: UnreadableAccount, to writer: inout JSONWriter) {
        writer.member("unreadable")
        writer.string(account.name)
        writer.member("position")
        writer.integer(account.position)
        writer.member("version")
        writer.integer(account.version)
        writer.member("recorded_at")
        writer.integer(account.recordedAt.microseconds)
        writer.member("reason")
        writer.string(account.reason)
    }

    private static func write(_ flows: AccountTotals.Flows, to writer: inout JSONWriter) {
        writer.member("flows")
        writer.string(flows.currency.code)
        writer.member("deposited")
        writer.integer(flows.deposited)
        writer.member("withdrawn")
        writer.integer(flows.withdrawn)
        writer.member("sent")
        writer.integer(flows.sent)
        writer.member("received")
        writer.integer(flows.received)
    }

    private static func write(_ account: Revision<Account>, to writer: inout JSONWriter) {
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
    }

    // MARK: reading

    init(_ line: [UInt8]) throws {
        if line.starts(with: Array(#"{"unreadable":"#.utf8)) {
            self = .unreadable(try Self.unreadable(from: line))
        } else if line.starts(with: Array(#"{"flows":"#.utf8)) {
            self = .flows(try Self.flows(from: line))
        } else {
            self = .account(try Self.account(from: line))
        }
    }

    private static func unreadable(from line: [UInt8]) throws -> UnreadableAccount {
        var (name, reason): (String?, String?)
        var (position, version): (UInt64?, UInt64?)
        var recordedAt: Timestamp?
        var reader = JSONReader(line)
        try reader.readObject { member, reader throws(JSONError) in
            switch member {
            case "unreadable": name = try reader.readString()
            case "reason": reason = try reader.readString()
            case "position": position = UInt64(try reader.readNumberLiteral())
            case "version": version = UInt64(try reader.readNumberLiteral())
            default: recordedAt = try reader.readTimestamp()
            }
        }
        try reader.finish()
        guard let name, StreamID(category: Account.category, name: name) != nil, let position,
            (1...RecordedEvent.maxOrdinal).contains(position), let version,
            (1...RecordedEvent.maxOrdinal).contains(version), let recordedAt, let reason,
            reason == UnreadableAccount.printable(reason)
        else { throw incomplete }
        return UnreadableAccount(
            name: name, position: position, version: version, recordedAt: recordedAt, reason: reason)
    }

    private static func flows(from line: [UInt8]) throws -> AccountTotals.Flows {
        var currency: Currency?
        var amounts: [String: Int128] = [:]
        var reader = JSONReader(line)
        try reader.readObject { member, reader throws(JSONError) in
            if member == "flows" {
                currency = Currency(try reader.readString())
            } else {
                amounts[member] = Int128(try reader.readNumberLiteral())
            }
        }
        try reader.finish()
        guard let currency, let deposited = amounts["deposited"], let withdrawn = amounts["withdrawn"],
            let sent = amounts["sent"], let received = amounts["received"],
            [deposited, withdrawn, sent, received].allSatisfy(RunningTotals.bounds.contains)
        else { throw incomplete }
        return AccountTotals.Flows(
            currency: currency, deposited: deposited, withdrawn: withdrawn, sent: sent, received: received)
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
        else { throw incomplete }
        let state = try members.account()
        guard state.eventCount == version else {
            throw CheckpointError("\(stream) is at version \(version) after \(state.eventCount) events")
        }
        return try Revision(
            of: stream, state: state, version: version, lastEvent: lastEvent, createdAt: createdAt,
            updatedAt: updatedAt)
    }

    private static var incomplete: JSONError {
        JSONError(code: .unexpectedMember, offset: 0, reason: "a member is missing or not of its form")
    }
}

extension JSONReader {
    /// A moment as its microseconds; nil for a number that is none.
    fileprivate mutating func readTimestamp() throws(JSONError) -> Timestamp? {
        Int64(try readNumberLiteral()).flatMap { Timestamp(exactMicroseconds: $0) }
    }
}
