internal import Accounts
internal import EventSourcing

/// The books of all accounts: money is conserved, and both sides of a movement between two accounts belong together.
struct AccountBooks: SimulatedBooks {
    typealias State = Account

    private(set) var accounts: [StreamID: BookedAccount] = [:]
    /// What has come into the ledger less what has left it.
    private var external: [Currency: Int64] = [:]

    mutating func take(_ events: [(stream: StreamID, event: AccountEvent)], at time: Timestamp) -> String? {
        var moved: Int64 = 0
        for (stream, event) in events {
            if let broken = accounts[stream, default: BookedAccount()].take(event, at: time) {
                return "\(stream): \(broken)"
            }
            guard let movement = event.movement else { continue }
            let change = movement.direction == .credit ? movement.amount.minorUnits : -movement.amount.minorUnits
            if movement.counterparty != nil {
                moved += change
            } else {
                external[currency(of: stream), default: 0] += change
            }
            if let other = movement.counterparty, currency(of: other) != currency(of: stream) {
                return "money goes from \(stream) to \(other), of another currency"
            }
        }
        guard moved == 0 else { return "\(moved) is made by a movement between two accounts" }
        let sums = accounts.values.reduce(into: [:]) { $0[$1.currency, default: 0] += $1.balance }
        if let wrong = sums.first(where: { $0.value != external[$0.key] ?? 0 }) {
            return "all balances in \(wrong.key) are \(wrong.value), and \(external[wrong.key] ?? 0) has come in"
        }
        for (stream, event) in events {
            if let fault = linkFault(event, of: stream) { return fault }
        }
        return nil
    }

    private func currency(of stream: StreamID) -> Currency { accounts[stream]?.currency ?? .usd }

    /// Whether the event of the other account that an event names is not its other side.
    private func linkFault(_ event: AccountEvent, of stream: StreamID) -> String? {
        let side: TransferSide
        switch event {
        case .sent(let sent): side = sent
        case .received(let received): side = received
        default: return nil
        }
        let events = accounts[side.counterparty]?.events ?? []
        guard let index = Int(exactly: side.counterpartyVersion), events.indices.contains(index - 1) else {
            return "the other side is missing"
        }
        let transfer: UniqueID? =
            switch events[index - 1] {
            case .sent(let other), .received(let other): other.transfer
            case .holdCaptured(let capture): capture.link?.transfer
            default: nil
            }
        return transfer == side.transfer ? nil : "\(stream) and \(side.counterparty) name different transfers"
    }

    /// Looks at the account then, and around every moment at which a hold expires.
    func difference(to revision: Revision<Account>, at time: Timestamp) -> String? {
        let booked = accounts[revision.stream] ?? BookedAccount()
        let expiries = booked.holds.values.compactMap(\.expiresAt).filter { $0 > time }
        let moments = [time] + expiries.flatMap { [Timestamp(microseconds: $0.microseconds - 1), $0] }
        return moments.lazy.compactMap { booked.difference(to: revision.state, at: $0) }.first
    }
}
