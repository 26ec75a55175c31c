public import JSON

extension AccountCommand {
    /// Reads a command from a request's body: an object whose `type` names the command, with the command's fields and
    /// no others, each once. See the HTTP contract.
    ///
    /// - Parameters:
    ///   - body: JSON in UTF-8.
    ///   - others: is shown the members that are no fields of commands, as `account` is none where many commands are sent
    ///     at once, and tells whether they may stand there. What it does not read is skipped. It must itself refuse what
    ///     comes twice.
    /// - Throws: ``CommandParsingError``, with all problems that were found.
    public static func parse(
        _ body: [UInt8],
        besides others: (_ name: String, inout JSONReader) throws(JSONError) -> Bool = { _, _ in false }
    ) throws(CommandParsingError) -> AccountCommand {
        var fields: CommandFields
        do throws(JSONError) {
            fields = try CommandFields(body, besides: others)
        } catch {
            throw failure(in: body, error)
        }
        let command = fields.readCommand()
        if let error = fields.problems.error { throw error }
        guard let command else { throw .invalidCommand([]) }
        return command
    }

    /// What is wrong with a body that could not be read as an object.
    private static func failure(in body: [UInt8], _ error: JSONError) -> CommandParsingError {
        do throws(JSONError) {
            // First of all whether it is JSON; only here, so that what is right is looked at once.
            try JSONReader.validate(body)
            var reader = JSONReader(body)
            let kind = try reader.peekKind()
            guard kind == .object else {
                return .invalidCommand([FieldError(pointer: "", detail: "expected an object, found \(kind)")])
            }
        } catch {
            return .malformedJSON(detail: error.description)
        }
        return .malformedJSON(detail: error.description)
    }
}

extension CommandFields {
    /// The command that the fields make, or nil where there is a problem.
    fileprivate mutating func readCommand() -> AccountCommand? {
        guard let type = readType() else {
            refuseOthers(than: CommandField.allCases, of: "any command")
            return nil
        }
        switch type {
        case .open:
            refuseOthers(than: [.type, .owner, .initialBalance, .currency], of: "OpenAccount")
            let owner = readOwner()
            let currency = readCurrency()
            let initialBalance = readAmount(.initialBalance, orZero: true, in: currency)
            guard let owner, let currency, let initialBalance else { return nil }
            return .open(owner: owner, initialBalance: initialBalance, currency: currency)
        case .deposit:
            refuseOthers(than: [.type, .amount], of: "Deposit")
            return readAmount(.amount, orZero: false, in: nil).map { .deposit(amount: $0) }
        case .withdraw:
            refuseOthers(than: [.type, .amount], of: "Withdraw")
            return readAmount(.amount, orZero: false, in: nil).map { .withdraw(amount: $0) }
        }
    }

    private enum CommandType {
        case open, deposit, withdraw
    }

    private mutating func readType() -> CommandType? {
        switch self[.type] {
        case .string("OpenAccount"): return .open
        case .string("Deposit"): return .deposit
        case .string("Withdraw"): return .withdraw
        case let found:
            refuse(.type, expected: #""OpenAccount", "Deposit" or "Withdraw""#, found: found)
            return nil
        }
    }

    private mutating func readOwner() -> String? {
        if case .string(let owner) = self[.owner] {
            let length = owner.unicodeScalars.count
            if (1...AccountCommand.longestOwner).contains(length) { return owner }
            problems.add(.owner, "expected 1 to \(AccountCommand.longestOwner) characters, found \(length)")
        } else {
            refuse(.owner, expected: "a string of 1 to \(AccountCommand.longestOwner) characters", found: self[.owner])
        }
        return nil
    }

    private mutating func readCurrency() -> Currency? {
        guard let found = self[.currency] else { return .usd }
        if case .string(let code) = found, let currency = Currency(code) { return currency }
        refuse(.currency, expected: "the three capital letters of an ISO 4217 currency", found: found)
        return nil
    }

    private mutating func readAmount(_ field: CommandField, orZero: Bool, in currency: Currency?) -> DecimalNumber? {
        let expected = orZero ? "an amount of 0 or more" : "an amount greater than 0"
        guard case .string(let text) = self[field]?.asText else {
            refuse(field, expected: "\(expected), as a number or a string", found: self[field])
            return nil
        }
        do {
            let amount = try DecimalNumber(text)
            guard !amount.isNegative, orZero || !amount.isZero else {
                problems.add(field, "expected \(expected), found \(amount)")
                return nil
            }
            if let currency { _ = try amount.money(in: currency) }
            return amount
        } catch {
            switch error {
            case .notANumber:
                refuse(field, expected: "\(expected), written as a JSON number", found: self[field])
            case .tooPrecise, .outOfRange:
                problems.add(field, error.detail(in: currency), isOutOfRange: error == .outOfRange)
            }
            return nil
        }
    }
}

extension CommandFields.Value {
    /// A number's literal is read as a string that holds the same would be.
    fileprivate var asText: CommandFields.Value {
        if case .number(let literal) = self { .string(literal) } else { self }
    }
}
