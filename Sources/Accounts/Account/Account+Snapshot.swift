public import EventSourcing
internal import JSON

extension Account: SnapshottableAggregate {
    /// To be changed with every change of the account's state, of what its events do to it, or of the form below.
    public static let snapshotSchema = "account: owner, currency, balance; 1"

    /// An open account as a JSON object, an absent one as an empty object.
    public var snapshotState: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.beginObject()
        if status == .open { writeSnapshotMembers(to: &writer) }
        writer.endObject()
        return writer.bytes
    }

    /// Reads a state back.
    public init(snapshotState bytes: [UInt8]) throws(CheckpointError) {
        do throws(JSONError) {
            var members = SnapshotMembers()
            var reader = JSONReader(bytes)
            try reader.readObject { name, reader throws(JSONError) in
                _ = try members.read(name, &reader)
            }
            try reader.finish()
            self = try members.account()
        } catch {
            throw CheckpointError("the snapshot of an account cannot be read: \(error)")
        }
    }

    func writeSnapshotMembers(to writer: inout JSONWriter) {
        writer.member("owner")
        writer.string(owner)
        writer.member("currency")
        writer.string(currency.code)
        writer.member("balance")
        writer.string(balance.description)
    }

    /// The members of a written account, as they are read.
    struct SnapshotMembers {
        private var owner: String?
        private var currency: Currency?
        private var balance: Money?

        /// Reads a member's value where it is one of an account's.
        ///
        /// - Returns: whether it was.
        mutating func read(_ name: String, _ reader: inout JSONReader) throws(JSONError) -> Bool {
            switch name {
            case "owner": owner = try reader.readString()
            case "currency": currency = Currency(try reader.readString())
            case "balance": balance = Money(exactText: try reader.readString())
            default: return false
            }
            return true
        }

        func account() throws(JSONError) -> Account {
            if owner == nil, currency == nil, balance == nil { return Account() }
            guard let owner, let currency, let balance, balance.fractionDigits == currency.fractionDigits,
                balance.minorUnits >= 0
            else {
                throw JSONError(code: .unexpectedMember, offset: 0, reason: "expected owner, currency and balance")
            }
            return Account(owner: owner, currency: currency, balance: balance)
        }
    }
}
