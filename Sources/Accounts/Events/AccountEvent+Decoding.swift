public import EventSourcing
internal import JSON

extension AccountEvent {
    /// Reads an event back. What is on record must be exactly what ``encoded()`` writes, but for white space, escapes
    /// and the order of members: anything else is another program's, or damage, and must not be guessed at.
    ///
    /// - Throws: ``EventDecodingError`` for an unknown type, for a schema version other than 2, and for data with a
    ///   member missing, unknown, given twice or not of its form.
    public init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
        func failure(_ reason: String) -> EventDecodingError {
            EventDecodingError(type: type, schemaVersion: schemaVersion, reason: reason)
        }
        let isKnown = type == "AccountOpened" || type == "MoneyDeposited" || type == "MoneyWithdrawn"
        guard isKnown else { throw failure("an account has no such event") }
        let data = try AccountUpcasters.chain.lifted(data, ofType: type, schemaVersion: schemaVersion)
        do {
            switch type {
            case "AccountOpened": self = try Self.decodeOpened(data)
            case "MoneyDeposited": self = .deposited(amount: try Self.decodeAmount(data))
            default: self = .withdrawn(amount: try Self.decodeAmount(data))
            }
        } catch {
            throw failure(error.description)
        }
    }

    private static func decodeOpened(_ data: [UInt8]) throws(JSONError) -> AccountEvent {
        var owner: String?
        var initialBalance: Money?
        var currency: Currency?
        var reader = JSONReader(data)
        try reader.readObject { name, reader throws(JSONError) in
            switch name {
            case "owner": owner = try reader.readString()
            case "initial_balance": initialBalance = try reader.readMoney()
            case "currency":
                currency = Currency(try reader.readString())
                if currency == nil { throw reader.unexpectedMember("expected a currency of ISO 4217") }
            default: throw reader.unexpectedMember("expected owner, initial_balance and currency only")
            }
        }
        try reader.finish()
        guard let owner, let initialBalance, let currency else {
            throw reader.unexpectedMember("expected owner, initial_balance and currency")
        }
        guard initialBalance.fractionDigits == currency.fractionDigits else {
            throw reader.unexpectedMember(
                "expected the \(currency.fractionDigits) fractional digits of \(currency), found \(initialBalance)")
        }
        return .opened(owner: owner, initialBalance: initialBalance, currency: currency)
    }

    private static func decodeAmount(_ data: [UInt8]) throws(JSONError) -> Money {
        if let amount = plainAmount(data) { return amount }
        var amount: Money?
        var reader = JSONReader(data)
        try reader.readObject { name, reader throws(JSONError) in
            guard name == "amount" else { throw reader.unexpectedMember("expected amount only") }
            amount = try reader.readMoney()
        }
        try reader.finish()
        guard let amount else { throw reader.unexpectedMember("expected amount") }
        return amount
    }

    /// The amount in the very bytes that ``encoded()`` writes, as nearly all events hold it; nil for all else, right or
    /// wrong. A rebuild reads millions, and finding out in general what a few bytes of JSON say costs several times as much.
    private static func plainAmount(_ data: [UInt8]) -> Money? {
        data.withUnsafeBytes { bytes in
            let (before, after) = ("{\"amount\":\"" as StaticString, "\"}" as StaticString)
            let end = bytes.count - after.utf8CodeUnitCount
            guard end > before.utf8CodeUnitCount, bytes.begin(with: before),
                UnsafeRawBufferPointer(rebasing: bytes[end...]).begin(with: after)
            else { return nil }
            return Money(exactText: UnsafeRawBufferPointer(rebasing: bytes[before.utf8CodeUnitCount..<end]))
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes begin with a text that is not longer.
    fileprivate func begin(with text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            text.indices.allSatisfy { self[$0] == text[$0] }
        }
    }
}

extension JSONReader {
    fileprivate mutating func readMoney() throws(JSONError) -> Money {
        guard let money = Money(exactText: try readString()) else {
            throw unexpectedMember("expected a decimal string such as 500.00")
        }
        return money
    }

    fileprivate func unexpectedMember(_ reason: String) -> JSONError {
        JSONError(code: .unexpectedMember, offset: offset, reason: reason)
    }
}
