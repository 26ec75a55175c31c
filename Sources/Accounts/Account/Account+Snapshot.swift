public import EventSourcing
internal import JSON

extension Account: SnapshottableAggregate {
    /// To be changed with every change of the account's state, of what its events do to it, or of the form below.
    public static let snapshotSchema = "account: owner, currency, balance, events, limits, freeze, holds, reversals; 2"

    /// What the names of holds and the versions of reversals take at least: `"h","expired",1,` and `2,3,`.
    public var leastSnapshotSize: Int { isPlain ? 0 : extras.holds.count * 16 + extras.reversalCount * 4 }

    /// An account as a JSON object, an absent one as an empty object.
    public var snapshotState: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.beginObject()
        if status != .absent { writeSnapshotMembers(to: &writer) }
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
        writer.member("events")
        writer.integer(eventCount)
        if status == .closed {
            writer.member("closed")
            writer.bool(true)
        }
        if !isPlain { extras.write(to: &writer) }
    }
}

extension AccountExtras {
    fileprivate func write(to writer: inout JSONWriter) {
        if hadOverdraft {
            writer.member("overdraft")
            // Null: it was taken away.
            if let overdraft { writer.string(overdraft.description) } else { writer.null() }
        }
        if let maximumBalance {
            writer.member("maximum_balance")
            writer.string(maximumBalance.description)
        }
        if let freeze {
            writer.member("frozen")
            writer.string(freeze.direction.rawValue)
            writer.member("frozen_because")
            writer.string(freeze.reason)
        }
        if !holds.open.isEmpty {
            writer.member("holds")
            writer.beginArray()
            for hold in holds.open { hold.write(to: &writer) }
            writer.endArray()
        }
        let resolved = holds.resolved
        if !resolved.isEmpty {
            writer.member("resolved")
            writer.beginArray()
            for (hold, kind, version) in resolved {
                writer.string(hold.text)
                writer.string(kind.rawValue)
                writer.integer(version)
            }
            writer.endArray()
        }
        let reversals = reversals
        if !reversals.isEmpty {
            writer.member("reversals")
            writer.beginArray()
            for (movement, reversal) in reversals {
                writer.integer(movement)
                writer.integer(reversal)
            }
            writer.endArray()
        }
    }
}

extension OpenHold {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("hold")
        writer.string(hold.text)
        writer.member("amount")
        writer.string(amount.description)
        if let expiresAt {
            writer.member("expires_at")
            writer.timestamp(expiresAt)
        }
        writer.member("version")
        writer.integer(placedAt)
        writer.endObject()
    }
}
