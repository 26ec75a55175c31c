public import EventSourcing
public import JSON

extension Revision<Account> {
    /// The most holds that an account is shown with.
    public static var maxHoldsShown: Int { 100 }

    /// Writes the account as clients see it: `id`, `owner`, `balance`, `version`, `currency`, `status`, `opened_at`,
    /// `updated_at`, `available` and `held`, and what it has of limits, freeze, open holds and closing. Amounts have exactly
    /// the currency's digits.
    ///
    /// Made for accounts that exist; before the first event there are no times, which are then left out.
    ///
    /// - Parameters:
    ///   - form: how amounts are written.
    ///   - time: when the account is looked at: holds that expire at this time or before it are not held. If it is nil, the
    ///     time of the last event.
    ///   - transfer: the id of the transfer, in the answer to a command that made one.
    public func writeAccount(
        to writer: inout JSONWriter, amounts form: DecimalForm = .number, at time: Timestamp? = nil,
        transfer: UniqueID? = nil
    ) {
        writer.beginObject()
        writer.member("id")
        writer.string(stream.name)
        writer.member("owner")
        writer.string(state.owner)
        writer.member("balance")
        let balance = state.balance.description
        writer.decimal(balance, as: form)
        writer.member("version")
        writer.integer(version)
        writer.member("currency")
        writer.string(state.currency.code)
        writer.member("status")
        writer.string(state.shownStatus)
        if let createdAt {
            writer.member("opened_at")
            writer.timestamp(createdAt)
        }
        if let updatedAt {
            writer.member("updated_at")
            writer.timestamp(updatedAt)
            if state.status == .closed {
                writer.member("closed_at")
                writer.timestamp(updatedAt)
            }
        }
        writer.member("available")
        if state.isPlain {
            writer.decimal(balance, as: form)
            writer.member("held")
            writer.decimal(state.currency.zeroText, as: form)
        } else {
            state.writeFunds(to: &writer, form, at: time ?? updatedAt ?? .earliest)
        }
        if let transfer {
            writer.member("transfer")
            writer.string(transfer.description)
        }
        writer.endObject()
    }
}

extension Account {
    /// `open`, `frozen` or `closed`.
    public var shownStatus: String { status == .open && frozen != nil ? "frozen" : status.rawValue }

    /// Writes what is available at a time, and all members that stand after it.
    fileprivate func writeFunds(to writer: inout JSONWriter, _ form: DecimalForm, at time: Timestamp) {
        writer.decimal(available(at: time).description, as: form)
        writer.member("held")
        writer.decimal(held(at: time).description, as: form)
        if let overdraft {
            writer.member("overdraft")
            writer.decimal(overdraft.description, as: form)
        }
        if let maximumBalance {
            writer.member("maximum_balance")
            writer.decimal(maximumBalance.description, as: form)
        }
        if let frozen {
            writer.member("frozen")
            writer.beginObject()
            writer.member("direction")
            writer.string(frozen.direction.rawValue)
            writer.member("reason")
            writer.string(frozen.reason)
            writer.endObject()
        }
        let holds = openHolds(at: time, limit: Revision<Account>.maxHoldsShown)
        if holds.isEmpty { return }
        writer.member("holds")
        writer.beginArray()
        for hold in holds {
            writer.beginObject()
            writer.member("hold")
            writer.string(hold.hold.text)
            writer.member("amount")
            writer.decimal(hold.amount.description, as: form)
            if let expiresAt = hold.expiresAt {
                writer.member("expires_at")
                writer.timestamp(expiresAt)
            }
            writer.endObject()
        }
        writer.endArray()
    }
}
