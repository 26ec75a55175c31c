internal import EventSourcing

/// Single fields. Each notes what is wrong with its value; what it then returns makes no command.
extension CommandFields {
    mutating func readText(_ field: CommandField, lengths: ClosedRange<Int>) -> String? {
        let expected = lengths.lowerBound == 0 ? "at most \(lengths.upperBound)" : "1 to \(lengths.upperBound)"
        guard case .string(let text) = self[field] else {
            refuse(field, expected: "a string of \(expected) characters", found: self[field])
            return nil
        }
        let length = text.unicodeScalars.count
        if lengths.contains(length) { return text }
        problems.add(field, "expected \(expected) characters, found \(length)")
        return nil
    }

    mutating func readReason() -> String? { readText(.reason, lengths: 1...AccountCommand.maxReason) }

    mutating func readDetails() -> MovementDetails {
        guard has(CommandField.details) else { return .none }
        var reference: String?
        var description: String?
        var effectiveAt: CalendarDate?
        if self[.reference] != nil {
            reference = readText(.reference, lengths: 1...MovementDetails.maxReference)
        }
        if self[.description] != nil {
            description = readText(.description, lengths: 0...MovementDetails.maxDescription)
        }
        if let found = self[.effectiveAt] {
            if case .string(let text) = found { effectiveAt = CalendarDate(text) }
            if effectiveAt == nil { refuse(.effectiveAt, expected: "a date such as 2026-01-31", found: found) }
        }
        return MovementDetails(reference: reference, description: description, effectiveAt: effectiveAt)
    }

    mutating func readAccount(_ field: CommandField) -> StreamID? {
        if case .string(let text) = self[field], let stream = Account.stream(of: text) { return stream }
        refuse(field, expected: "an account's id (\(Account.idRule))", found: self[field])
        return nil
    }

    mutating func readHoldID() -> HoldID? {
        if case .string(let text) = self[.hold], let hold = HoldID(text) { return hold }
        refuse(.hold, expected: "a hold's name (\(HoldID.rule))", found: self[.hold])
        return nil
    }

    mutating func readExpiry() -> HoldExpiry? {
        switch (self[.expiresAt], self[.expiresIn]) {
        case (nil, nil): return nil
        case (.some, .some):
            problems.add(.expiresIn, "expected expires_at or expires_in, found both")
        case (let found?, nil):
            if case .string(let text) = found, let moment = Timestamp(rfc3339: text) { return .at(moment) }
            refuse(.expiresAt, expected: "a time such as 2026-01-31T12:00:00Z", found: found)
        case (nil, let found?):
            if case .string(let text) = found, let expiry = HoldExpiry(durationText: text) { return expiry }
            refuse(.expiresIn, expected: "a duration such as 30s, 10m, 2h or 7d", found: found)
        }
        return nil
    }

    mutating func readVersion() -> UInt64? {
        if case .number(let literal) = self[.version], let version = UInt64(literal),
            (1...RecordedEvent.maxOrdinal).contains(version)
        {
            return version
        }
        refuse(.version, expected: "the version of an event, as a whole number from 1", found: self[.version])
        return nil
    }

    mutating func readCurrency() -> Currency? {
        guard let found = self[.currency] else { return .usd }
        if case .string(let code) = found, let currency = Currency(code) { return currency }
        refuse(.currency, expected: "the three capital letters of an ISO 4217 currency", found: found)
        return nil
    }

    mutating func readAmount(_ field: CommandField, orZero: Bool, in currency: Currency?) -> DecimalNumber? {
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
