public import EventSourcing

extension Account {
    /// The version of the movement that is to be reversed.
    public static func referredVersion(in command: AccountCommand) -> UInt64? {
        if case .reverse(let version, _, _) = command { version } else { nil }
    }

    /// The other account of a transfer, of a capture into another account, or of the transfer that is to be reversed.
    public static func otherStreams(
        for command: AccountCommand, on stream: StreamID, referring referred: AccountEvent?
    ) -> [StreamID] {
        guard let other = command.counterparty ?? reversedTransfer(of: command, referred)?.counterparty, other != stream
        else { return [] }
        return [other]
    }

    /// What happens when the command is executed: on every account that gets an event, the expiries of its holds that are
    /// due, then one event of the command.
    public static func decide(
        _ command: AccountCommand, in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> Decision<AccountEvent> {
        switch command {
        case .open:
            return Decision([try context.revision.state.opening(command)])
        case .transfer(let to, let number, let details):
            let own = AccountParty(context.revision, at: context.time)
            return try transfer(number, from: own, to: to, details, in: context)
        case .captureHold(let hold, let number, let to, let details):
            let own = AccountParty(context.revision, at: context.time)
            return try capture(hold, number, from: own, to: to, details, in: context)
        case .reverse(let version, let reason, let details):
            let own = AccountParty(context.revision, at: context.time)
            return try reverse(version, reason, details, of: own, in: context)
        case .deposit, .withdraw, .placeHold, .releaseHold, .setLimits, .freeze, .unfreeze, .close:
            let (time, version) = (context.time, context.revision.version)
            // Nothing of a plain account is due.
            if context.revision.state.isPlain {
                return Decision([try context.revision.state.event(of: command, at: time, version: version)])
            }
            let own = AccountParty(context.revision, at: time)
            return Decision(own.events(try own.account.event(of: command, at: time, version: version)))
        }
    }

    private func opening(_ command: AccountCommand) throws(AccountRefusal) -> AccountEvent {
        guard case .open(let owner, let number, let currency, let overdraft, let maximumBalance) = command else {
            throw .notFound
        }
        guard status == .absent else { throw status == .closed ? .closed : .alreadyOpen }
        let balance = try Self.limit(number, in: currency, at: "/initial_balance")
        let limits = AccountLimits(
            overdraft: try overdraft.map { number throws(AccountRefusal) in
                try Self.limit(number, in: currency, at: "/overdraft")
            },
            maximumBalance: try maximumBalance.map { number throws(AccountRefusal) in
                try Self.limit(number, in: currency, at: "/maximum_balance")
            })
        if let maximum = limits.maximumBalance, balance > maximum {
            throw .limitExceeded(
                maximum: maximum, balance: .zero(in: currency), requested: balance, currency: currency)
        }
        return .opened(owner: owner, initialBalance: balance, currency: currency, limits: limits)
    }

    /// The event of a command that is about this account alone.
    ///
    /// - Parameter version: that of the account in the log: what is later is not recorded yet.
    private func event(
        of command: AccountCommand, at time: Timestamp, version: UInt64
    ) throws(AccountRefusal) -> AccountEvent {
        try requireOpen()
        switch command {
        case .deposit(let number, let details):
            let amount = try movement(number)
            try requireCredit(amount)
            return .deposited(amount: amount, details: details)
        case .withdraw(let number, let details):
            let amount = try movement(number)
            try requireDebit(amount)
            return .withdrawn(amount: amount, details: details)
        case .placeHold(let hold, let number, let expiry, let details):
            let amount = try movement(number)
            let expiresAt = try expiry.map { expiry throws(AccountRefusal) in try Self.moment(expiry, at: time) }
            try requireHold(hold, amount)
            return .holdPlaced(hold: hold, amount: amount, expiresAt: expiresAt, details: details)
        case .releaseHold(let hold):
            return .holdReleased(hold: hold, amount: try openHold(hold, recordedAt: version).amount)
        case .setLimits(let overdraft, let maximumBalance):
            guard overdraft != .unchanged || maximumBalance != .unchanged else {
                throw .invalidField(pointer: "/overdraft", detail: "expected overdraft, maximum_balance or both")
            }
            return .limitsSet(
                overdraft: try change(overdraft, at: "/overdraft"),
                maximumBalance: try change(maximumBalance, at: "/maximum_balance"))
        case .freeze(let direction, let reason):
            return .frozen(direction: direction, reason: reason)
        case .unfreeze(let reason):
            guard frozen != nil else { throw .notFrozen }
            return .unfrozen(reason: reason)
        case .close(let reason):
            try requireEmpty()
            return .closed(reason: reason)
        case .open, .transfer, .captureHold, .reverse:
            preconditionFailure("\(command.type) is decided elsewhere")
        }
    }

    /// An open hold; one that expired only by the expiries of this very decision has no version yet.
    func openHold(_ hold: HoldID, recordedAt version: UInt64) throws(AccountRefusal) -> OpenHold {
        do {
            return try requireOpenHold(hold)
        } catch {
            guard case .holdResolved(_, let resolution) = error, (resolution.version ?? 0) > version else {
                throw error
            }
            throw .holdResolved(hold, HoldResolution(resolution.kind, version: nil))
        }
    }

    private static func moment(_ expiry: HoldExpiry, at time: Timestamp) throws(AccountRefusal) -> Timestamp {
        if let moment = expiry.moment(placedAt: time) { return moment }
        switch expiry {
        case .at(let moment):
            throw .invalidField(pointer: "/expires_at", detail: "expected a time after \(time), found \(moment)")
        case .after:
            throw .invalidField(pointer: "/expires_in", detail: "expected a duration that ends before the year 10000")
        }
    }

    private func change(
        _ change: LimitChange<DecimalNumber>, at pointer: String
    ) throws(AccountRefusal) -> LimitChange<Money> {
        switch change {
        case .unchanged: .unchanged
        case .removed: .removed
        case .set(let number): .set(try Self.limit(number, in: currency, at: pointer))
        }
    }
}
