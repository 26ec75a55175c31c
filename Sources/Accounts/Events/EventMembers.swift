internal import EventSourcing
internal import JSON

/// The members of an event's data, as they are read: each of its form, but not yet judged together.
struct EventMembers {
    var owner: String?
    var currency: Currency?
    var initialBalance: Money?
    var amount: Money?
    var released: Money?
    var overdraft = LimitChange<Money>.unchanged
    var maximumBalance = LimitChange<Money>.unchanged
    var to: StreamID?
    var from: StreamID?
    var transfer: UniqueID?
    var counterpartyVersion: UInt64?
    var reverses: UInt64?
    var hold: HoldID?
    var expiresAt: Timestamp?
    var direction: String?
    var reason: String?
    private var reference: String?
    private var description: String?
    private var effectiveAt: CalendarDate?

    var details: MovementDetails {
        MovementDetails(reference: reference, description: description, effectiveAt: effectiveAt)
    }

    /// Reads the data of an event of a kind.
    init(_ data: [UInt8], of kind: EventKind) throws(JSONError) {
        let (required, optional) = (kind.required, kind.optional)
        var members = Self()
        var given: Set<EventMember> = []
        var reader = JSONReader(data)
        try reader.readObject { name, reader throws(JSONError) in
            guard let member = EventMember(rawValue: name), required.contains(member) || optional.contains(member)
            else {
                throw reader.unexpectedMember("expected \((required + optional).list) only")
            }
            given.insert(member)
            try members.read(member, &reader)
        }
        try reader.finish()
        guard required.allSatisfy(given.contains) else { throw reader.unexpectedMember("expected \(required.list)") }
        self = members
    }

    private init() {}

    private mutating func read(_ member: EventMember, _ reader: inout JSONReader) throws(JSONError) {
        switch member {
        case .owner: owner = try reader.readString()
        case .currency: currency = try reader.read("a currency of ISO 4217") { Currency($0) }
        case .initialBalance: initialBalance = try reader.readMoney()
        case .amount: amount = try reader.readMoney()
        case .released: released = try reader.readMoney()
        case .overdraft: overdraft = try reader.readLimit()
        case .maximumBalance: maximumBalance = try reader.readLimit()
        case .to: to = try reader.read("an account's id") { Account.stream(of: $0) }
        case .from: from = try reader.read("an account's id") { Account.stream(of: $0) }
        case .transfer:
            transfer = try reader.read("a UUID in lower case") { text in
                UniqueID(text).flatMap { $0.description == text ? $0 : nil }
            }
        case .counterpartyVersion: counterpartyVersion = try reader.readVersion()
        case .reverses: reverses = try reader.readVersion()
        case .hold: hold = try reader.read("a hold's name") { HoldID($0) }
        case .expiresAt:
            expiresAt = try reader.read("a time in UTC with six fractional digits") { text in
                Timestamp(rfc3339: text).flatMap { $0.description == text ? $0 : nil }
            }
        case .direction: direction = try reader.readString()
        case .reason: reason = try reader.readString()
        case .reference: reference = try reader.readString()
        case .description: description = try reader.readString()
        case .effectiveAt: effectiveAt = try reader.read("a date such as 2026-01-31") { CalendarDate($0) }
        }
    }
}

extension [EventMember] {
    /// `owner, initial_balance and currency`.
    fileprivate var list: String {
        guard let last, count > 1 else { return first?.rawValue ?? "no members" }
        return dropLast().map(\.rawValue).joined(separator: ", ") + " and " + last.rawValue
    }
}

extension JSONReader {
    /// Reads a string of a form.
    fileprivate mutating func read<Value>(
        _ expected: String, _ parse: (String) -> Value?
    ) throws(JSONError) -> Value {
        guard let value = parse(try readString()) else { throw unexpectedMember("expected \(expected)") }
        return value
    }

    fileprivate mutating func readMoney() throws(JSONError) -> Money {
        try read("a decimal string such as 500.00") { Money(exactText: $0) }
    }

    /// Reads an amount, or `null` for a limit that was taken away.
    fileprivate mutating func readLimit() throws(JSONError) -> LimitChange<Money> {
        guard try peekKind() == .null else { return .set(try readMoney()) }
        try readNull()
        return .removed
    }

    fileprivate mutating func readVersion() throws(JSONError) -> UInt64 {
        guard let version = UInt64(try readNumberLiteral()), (1...RecordedEvent.maxOrdinal).contains(version) else {
            throw unexpectedMember("expected a version")
        }
        return version
    }

    func unexpectedMember(_ reason: String) -> JSONError {
        JSONError(code: .unexpectedMember, offset: offset, reason: reason)
    }
}
