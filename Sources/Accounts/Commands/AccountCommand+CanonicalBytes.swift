internal import EventSourcing
internal import JSON

extension AccountCommand {
    /// The one form of the command, from which its fingerprint is taken: two requests have the same bytes exactly if
    /// they ask for the same thing. White space, the order of members, `500` or `"500.00"`, a currency left out or
    /// named `USD`, `60s` or `1m`, a time in UTC or in another zone, make no difference; texts count byte by byte.
    ///
    /// Fingerprints are on record for ever, so this form must never change: what commands get later stands after what
    /// they had, and only if it is given.
    public var canonicalBytes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("type")
        writer.string(type)
        switch self {
        case .open(let owner, let initialBalance, let currency, let overdraft, let maximumBalance):
            writer.member("owner")
            writer.string(owner)
            writer.member("initial_balance")
            writer.string(initialBalance.description)
            writer.member("currency")
            writer.string(currency.code)
            writer.member("overdraft", overdraft?.description)
            writer.member("maximum_balance", maximumBalance?.description)
        case .deposit(let amount, _), .withdraw(let amount, _):
            writer.member("amount", amount.description)
        case .transfer(let to, let amount, _):
            writer.member("to", to.name)
            writer.member("amount", amount.description)
        case .placeHold(let hold, let amount, let expiry, _):
            writer.member("hold", hold.text)
            writer.member("amount", amount.description)
            switch expiry {
            case .at(let moment): writer.member("expires_at", moment.description)
            case .after(let seconds): writer.member("expires_in", "\(seconds)s")
            case nil: break
            }
        case .captureHold(let hold, let amount, let to, _):
            writer.member("hold", hold.text)
            writer.member("amount", amount?.description)
            writer.member("to", to?.name)
        case .releaseHold(let hold):
            writer.member("hold", hold.text)
        case .setLimits(let overdraft, let maximumBalance):
            writer.member("overdraft", overdraft)
            writer.member("maximum_balance", maximumBalance)
        case .freeze(let direction, let reason):
            writer.member("direction", direction.rawValue)
            writer.member("reason", reason)
        case .unfreeze(let reason), .close(let reason):
            writer.member("reason", reason)
        case .reverse(let version, let reason, _):
            writer.member("version")
            writer.integer(version)
            writer.member("reason", reason)
        }
        writer.members(details)
        writer.endObject()
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        member(name)
        string(text)
    }

    fileprivate mutating func member(_ name: StaticString, _ change: LimitChange<DecimalNumber>) {
        switch change {
        case .unchanged: return
        case .removed:
            member(name)
            null()
        case .set(let number):
            member(name, number.description)
        }
    }
}
