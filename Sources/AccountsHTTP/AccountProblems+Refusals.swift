internal import Accounts
internal import CommandService
internal import EventSourcing
internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What clients are told of commands that an account refuses.
extension AccountProblems {
    /// The members of refusals that hold amounts.
    static let amountMembers: Set = ["available", "requested", "shortfall", "maximum", "balance", "held"]

    /// - Parameters:
    ///   - account: the account that refuses: the one that the command was sent to.
    ///   - sender: who is told.
    static func problem(for refusal: AccountRefusal, account: String, to sender: CommandSender? = nil) -> Problem {
        switch refusal {
        case .counterparty(let other, let refusal):
            // Whose fault it is stands in a member of its own, since the command names two.
            let whole = problem(for: refusal, account: other.name).naming(other.name)
            return sender.sees(other) ? whole : whole.withoutFigures(of: other.name)
        case .currencyMismatch(let currency, _) where !sender.seesAll:
            return Problem(
                .badRequest, "currency-mismatch", title: "Currency mismatch",
                detail: "the account \(account) is in \(currency) and the other one is not",
                members: [member("currency", currency.code)])
        case .invalidField(let pointer, let detail):
            return invalidCommand([FieldError(pointer: pointer, detail: detail)])
        case .amountOutOfRange(let pointer, let detail):
            return amountOutOfRange(FieldError(pointer: pointer, detail: detail))
        case .notFound, .alreadyOpen, .frozen, .notFrozen, .closed, .notEmpty, .sameAccount:
            return problem(forStatus: refusal, account)
        case .holdNotFound, .holdExists, .holdResolved, .tooManyHolds:
            return problem(forHold: refusal, account)
        case .eventNotFound, .notReversible, .alreadyReversed:
            return problem(forReversal: refusal, account)
        case .insufficientFunds(let available, let requested, let shortfall, let currency):
            return Problem(
                .badRequest, "insufficient-funds", title: "Insufficient funds",
                detail: "the account \(account) has \(available) \(currency) available, \(requested) \(currency) was "
                    + "requested",
                members: [
                    member("available", available), member("requested", requested), member("shortfall", shortfall),
                    member("currency", currency.code),
                ])
        case .limitExceeded(let maximum, let balance, let requested, let currency):
            return Problem(
                .badRequest, "limit-exceeded", title: "Limit exceeded",
                detail: "the account \(account) holds \(balance) \(currency) and may hold at most \(maximum) "
                    + "\(currency), so it does not take \(requested) \(currency) more",
                members: [
                    member("maximum", maximum), member("balance", balance), member("requested", requested),
                    member("currency", currency.code),
                ])
        case .currencyMismatch(let currency, let other):
            return Problem(
                .badRequest, "currency-mismatch", title: "Currency mismatch",
                detail: "the account \(account) is in \(currency) and the other one in \(other)",
                members: [member("currency", currency.code)])
        }
    }

    private static func problem(forStatus refusal: AccountRefusal, _ account: String) -> Problem {
        switch refusal {
        case .alreadyOpen:
            return Problem(
                .conflict, "account-already-open", title: "Account already open",
                detail: "the account \(account) is open already")
        case .frozen(let freeze):
            return Problem(
                .conflict, "account-frozen", title: "Account frozen",
                detail: "the account \(account) is frozen for "
                    + (freeze.direction == .all ? "all movements" : freeze.direction.rawValue) + ": \(freeze.reason)",
                members: [member("direction", freeze.direction.rawValue), member("reason", freeze.reason)])
        case .notFrozen:
            return Problem(
                .conflict, "not-frozen", title: "Not frozen", detail: "the account \(account) is not frozen")
        case .closed:
            return Problem(
                .conflict, "account-closed", title: "Account closed", detail: "the account \(account) is closed")
        case .notEmpty(let balance, let held, let currency):
            return Problem(
                .conflict, "account-not-empty", title: "Account not empty",
                detail: "the balance of the account \(account) is \(balance) \(currency), \(held) \(currency) of it "
                    + "held; only an empty account can be closed",
                members: [member("balance", balance), member("held", held), member("currency", currency.code)])
        case .sameAccount:
            return Problem(
                .badRequest, "same-account", title: "Same account",
                detail: "the account \(account) can't be on both sides")
        default:
            return notFound(account)
        }
    }

    private static func problem(forHold refusal: AccountRefusal, _ account: String) -> Problem {
        switch refusal {
        case .holdExists(let hold):
            return Problem(
                .conflict, "hold-exists", title: "Hold exists",
                detail: "the account \(account) has, or had, a hold \(hold)", members: [member("hold", hold.text)])
        case .holdResolved(let hold, let resolution):
            return Problem(
                .conflict, "hold-resolved", title: "Hold resolved",
                detail: "the hold \(hold) of the account \(account) "
                    + (resolution.kind == .expired ? "expired" : "was \(resolution.kind.rawValue)") + " before",
                members: [member("hold", hold.text), member("as", resolution.kind.rawValue)]
                    + (resolution.version.map { [member("version", $0)] } ?? []))
        case .tooManyHolds(let maximum):
            return Problem(
                .conflict, "too-many-holds", title: "Too many holds",
                detail: "the account \(account) has \(maximum) open holds, which is the most that an account may have",
                members: [member("maximum", UInt64(clamping: maximum))])
        case .holdNotFound(let hold):
            return Problem(
                .notFound, "hold-not-found", title: "Hold not found",
                detail: "the account \(account) has no hold \(hold)", members: [member("hold", hold.text)])
        default:
            return notFound(account)
        }
    }

    private static func problem(forReversal refusal: AccountRefusal, _ account: String) -> Problem {
        switch refusal {
        case .notReversible(let version):
            return Problem(
                .conflict, "not-reversible", title: "Not reversible",
                detail: "version \(version) of the account \(account) is no movement that can be reversed")
        case .alreadyReversed(let version):
            return Problem(
                .conflict, "already-reversed", title: "Already reversed",
                detail: "the movement of the account \(account) was reversed before, by its version \(version)",
                members: [member("version", version)])
        case .eventNotFound(let version):
            return Problem(
                .notFound, "event-not-found", title: "Event not found",
                detail: "the account \(account) has no version \(version)")
        default:
            return notFound(account)
        }
    }
}

extension AccountProblems {
    fileprivate static func member(_ name: String, _ money: Money) -> JSONValue.Member {
        // A decimal in JSON's own notation, so it is always a number.
        .init(name: name, value: JSONNumber(money.description).map(JSONValue.number) ?? .string(money.description))
    }

    fileprivate static func member(_ name: String, _ text: String) -> JSONValue.Member {
        .init(name: name, value: .string(text))
    }

    fileprivate static func member(_ name: String, _ number: UInt64) -> JSONValue.Member {
        .init(name: name, value: .number(JSONNumber(Int64(clamping: number))))
    }
}

extension Problem {
    /// The same problem of an account that whoever is told does not see: which one, and what kind of problem it is, and nothing else.
    fileprivate func withoutFigures(of account: String) -> Problem {
        // That it does not exist, or was closed, is all that these say.
        if name == "account-not-found" || name == "account-closed" { return self }
        return Problem(
            status, name, title: title,
            detail: "the account \(account) does not take part in this: \(title.lowercased())",
            members: [JSONValue.Member(name: "account", value: .string(account))])
    }

    /// The same problem with the account that it is about.
    fileprivate func naming(_ account: String) -> Problem {
        guard !members.contains(where: { $0.name == "account" }) else { return self }
        return Problem(
            status, name, title: title, detail: detail,
            members: members + [JSONValue.Member(name: "account", value: .string(account))], headers: headers)
    }
}
