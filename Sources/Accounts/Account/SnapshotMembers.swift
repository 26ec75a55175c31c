internal import EventSourcing
internal import JSON

extension Account {
    /// The members of a written account, as they are read.
    struct SnapshotMembers {
        private var owner: String?
        private var currency: Currency?
        private var balance: Money?
        private var eventCount: UInt64?
        private var isClosed = false
        private var freezeDirection: AccountFreeze.Direction?
        private var freezeReason: String?
        private var extras = AccountExtras.none

        /// Reads a member's value if it is one of an account's.
        ///
        /// - Returns: whether it was.
        mutating func read(_ name: String, _ reader: inout JSONReader) throws(JSONError) -> Bool {
            switch name {
            case "owner": owner = try reader.readString()
            case "currency": currency = Currency(try reader.readString())
            case "balance": balance = Money(exactText: try reader.readString())
            case "events": eventCount = UInt64(try reader.readNumberLiteral())
            case "closed": isClosed = try reader.readBool()
            case "overdraft":
                extras.hadOverdraft = true
                if try reader.peekKind() == .null {
                    try reader.readNull()
                } else {
                    extras.overdraft = try reader.readAmount()
                }
            case "maximum_balance": extras.maximumBalance = try reader.readAmount()
            case "frozen": freezeDirection = AccountFreeze.Direction(rawValue: try reader.readString())
            case "frozen_because": freezeReason = try reader.readString()
            case "holds": try readHolds(&reader)
            case "resolved": try readResolved(&reader)
            case "reversals": try readReversals(&reader)
            default: return false
            }
            return true
        }

        private mutating func readHolds(_ reader: inout JSONReader) throws(JSONError) {
            var last: UInt64 = 0
            try reader.readArray { reader throws(JSONError) in
                let hold = try reader.readOpenHold()
                guard hold.placedAt > last, !extras.holds.contains(hold.hold),
                    extras.holds.units <= Money.largestMinorUnits
                else { throw wrong("expected open holds in their order") }
                last = hold.placedAt
                extras.holds.place(hold)
            }
        }

        /// Name, kind and version, one after another.
        private mutating func readResolved(_ reader: inout JSONReader) throws(JSONError) {
            var (hold, kind): (HoldID?, HoldResolution.Kind?)
            var last: UInt64 = 0
            try reader.readArray { reader throws(JSONError) in
                guard let name = hold else {
                    hold = HoldID(try reader.readString())
                    if hold == nil { throw wrong("expected a hold's name") }
                    return
                }
                guard let end = kind else {
                    kind = HoldResolution.Kind(rawValue: try reader.readString())
                    if kind == nil { throw wrong("expected how a hold ended") }
                    return
                }
                guard let version = UInt64(try reader.readNumberLiteral()), version > last,
                    !extras.holds.contains(name)
                else { throw wrong("expected holds in the order in which they ended") }
                last = version
                extras.holds.add(name, endedAs: end, version: version)
                (hold, kind) = (nil, nil)
            }
            guard hold == nil else { throw wrong("expected names, kinds and versions") }
        }

        /// The version of a movement and that of its reversal, one after another.
        private mutating func readReversals(_ reader: inout JSONReader) throws(JSONError) {
            var movement: UInt64?
            try reader.readArray { reader throws(JSONError) in
                guard let version = UInt64(try reader.readNumberLiteral()) else { throw wrong("expected a version") }
                guard let reversed = movement else {
                    movement = version
                    return
                }
                guard reversed < version, extras.reversal(of: reversed) == nil else {
                    throw wrong("expected a reversal after its movement")
                }
                extras.reverse(reversed, at: version)
                movement = nil
            }
            guard movement == nil else { throw wrong("expected pairs of versions") }
        }

        /// The account that the members make.
        func account() throws(JSONError) -> Account {
            if owner == nil, currency == nil, balance == nil, eventCount == nil, !isClosed, extras.isEmpty {
                return Account()
            }
            guard let owner, let currency, let balance, let eventCount,
                (1...RecordedEvent.maxOrdinal).contains(eventCount),
                (freezeDirection == nil) == (freezeReason == nil)
            else { throw wrong("a member is missing or not of its form") }
            var extras = extras
            if let freezeDirection, let freezeReason {
                extras.freeze = AccountFreeze(freezeDirection, reason: freezeReason)
            }
            guard balance.minorUnits >= 0 || extras.hadOverdraft else {
                throw wrong("expected a balance of 0 or more, since there never was an overdraft")
            }
            let amounts = [balance, extras.overdraft, extras.maximumBalance] + extras.holds.open.map(\.amount)
            guard amounts.allSatisfy({ $0?.fractionDigits ?? currency.fractionDigits == currency.fractionDigits }),
                extras.holds.units <= Money.largestMinorUnits,
                balance.minorUnits - extras.holds.units >= -Money.largestMinorUnits,
                extras.holds.open.last?.placedAt ?? 0 <= eventCount,
                extras.holds.resolved.last?.version ?? 0 <= eventCount,
                !isClosed || balance.minorUnits == 0 && extras.holds.open.isEmpty
            else { throw wrong("expected amounts that an account can have") }
            return Account(
                status: isClosed ? .closed : .open, owner: owner, currency: currency, balance: balance,
                eventCount: eventCount, extras: extras)
        }

        private func wrong(_ reason: String) -> JSONError {
            JSONError(code: .unexpectedMember, offset: 0, reason: reason)
        }
    }
}

extension JSONReader {
    /// An amount of zero or more.
    fileprivate mutating func readAmount() throws(JSONError) -> Money {
        guard let amount = Money(exactText: try readString()), amount.minorUnits >= 0 else {
            throw JSONError(code: .unexpectedMember, offset: offset, reason: "expected an amount of 0 or more")
        }
        return amount
    }

    fileprivate mutating func readOpenHold() throws(JSONError) -> OpenHold {
        var (hold, amount, expiresAt, placedAt): (HoldID?, Money?, Timestamp?, UInt64?)
        var isOfItsForm = true
        try readObject { name, reader throws(JSONError) in
            switch name {
            case "hold": hold = HoldID(try reader.readString())
            case "amount": amount = try reader.readAmount()
            case "expires_at":
                expiresAt = Timestamp(rfc3339: try reader.readString())
                isOfItsForm = expiresAt != nil
            case "version": placedAt = UInt64(try reader.readNumberLiteral())
            default: isOfItsForm = false
            }
        }
        guard isOfItsForm, let hold, let amount, amount.minorUnits > 0, let placedAt else {
            throw JSONError(code: .unexpectedMember, offset: offset, reason: "expected an open hold")
        }
        return OpenHold(hold: hold, amount: amount, expiresAt: expiresAt, placedAt: placedAt)
    }
}
