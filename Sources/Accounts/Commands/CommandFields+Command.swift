internal import JSON

extension CommandFields {
    /// The command that the fields make, or nil if there is a problem.
    mutating func readCommand() -> AccountCommand? {
        guard let kind = readKind() else {
            refuseOthers(than: CommandField.allBits, of: "any command")
            return nil
        }
        refuseOthers(than: kind.fields, of: kind.name)
        switch kind {
        case .open: return readOpening()
        case .deposit, .withdraw: return readDepositOrWithdrawal(kind)
        case .transfer: return readTransfer()
        case .placeHold: return readHold()
        case .captureHold: return readCapture()
        case .releaseHold: return readHoldID().map { .releaseHold(hold: $0) }
        case .setLimits: return readLimits()
        case .freeze: return readFreeze()
        case .unfreeze: return readReason().map { .unfreeze(reason: $0) }
        case .close: return readReason().map { .close(reason: $0) }
        case .reverse: return readReversal()
        }
    }

    private mutating func readKind() -> CommandKind? {
        let found = self[.type]
        if case .string(let text) = found, let kind = CommandKind(text) { return kind }
        refuse(.type, expected: "one of \(CommandKind.allCases.map(\.name).joined(separator: ", "))", found: found)
        return nil
    }

    private mutating func readOpening() -> AccountCommand? {
        let owner = readText(.owner, lengths: 1...AccountCommand.longestOwner)
        let currency = readCurrency()
        let initialBalance = readAmount(.initialBalance, orZero: true, in: currency)
        let overdraft = self[.overdraft] == nil ? nil : readAmount(.overdraft, orZero: true, in: currency)
        let maximumBalance =
            self[.maximumBalance] == nil ? nil : readAmount(.maximumBalance, orZero: true, in: currency)
        guard let owner, let currency, let initialBalance else { return nil }
        return .open(
            owner: owner, initialBalance: initialBalance, currency: currency, overdraft: overdraft,
            maximumBalance: maximumBalance)
    }

    private mutating func readDepositOrWithdrawal(_ kind: CommandKind) -> AccountCommand? {
        let amount = readAmount(.amount, orZero: false, in: nil)
        let details = readDetails()
        guard let amount else { return nil }
        return kind == .deposit
            ? .deposit(amount: amount, details: details) : .withdraw(amount: amount, details: details)
    }

    private mutating func readTransfer() -> AccountCommand? {
        let to = readAccount(.to)
        let amount = readAmount(.amount, orZero: false, in: nil)
        let details = readDetails()
        guard let to, let amount else { return nil }
        return .transfer(to: to, amount: amount, details: details)
    }

    private mutating func readHold() -> AccountCommand? {
        let hold = readHoldID()
        let amount = readAmount(.amount, orZero: false, in: nil)
        let expiry = readExpiry()
        let details = readDetails()
        guard let hold, let amount else { return nil }
        return .placeHold(hold: hold, amount: amount, expiry: expiry, details: details)
    }

    private mutating func readCapture() -> AccountCommand? {
        let hold = readHoldID()
        let amount = self[.amount] == nil ? nil : readAmount(.amount, orZero: false, in: nil)
        let to = self[.to] == nil ? nil : readAccount(.to)
        let details = readDetails()
        guard let hold else { return nil }
        return .captureHold(hold: hold, amount: amount, to: to, details: details)
    }

    private mutating func readLimits() -> AccountCommand? {
        if self[.overdraft] == nil, self[.maximumBalance] == nil {
            problems.add(.overdraft, "expected overdraft, maximum_balance or both, found neither")
            return nil
        }
        let (overdraft, maximumBalance) = (readLimit(.overdraft), readLimit(.maximumBalance))
        return .setLimits(overdraft: overdraft, maximumBalance: maximumBalance)
    }

    private mutating func readLimit(_ field: CommandField) -> LimitChange<DecimalNumber> {
        switch self[field] {
        case nil: .unchanged
        case .other(.null): .removed
        default: readAmount(field, orZero: true, in: nil).map { .set($0) } ?? .unchanged
        }
    }

    private mutating func readFreeze() -> AccountCommand? {
        let found = self[.direction]
        var direction: AccountFreeze.Direction?
        if case .string(let text) = found { direction = AccountFreeze.Direction(rawValue: text) }
        if direction == nil { refuse(.direction, expected: #""debits", "credits" or "all""#, found: found) }
        let reason = readReason()
        guard let direction, let reason else { return nil }
        return .freeze(direction: direction, reason: reason)
    }

    private mutating func readReversal() -> AccountCommand? {
        let version = readVersion()
        let reason = readReason()
        let details = readDetails()
        guard let version, let reason else { return nil }
        return .reverse(version: version, reason: reason, details: details)
    }
}
