internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What clients are told of requests that are no commands, and of commands that an account refuses.
enum AccountProblems {
    static func problem(for error: CommandParsingError) -> Problem {
        switch error {
        case .malformedJSON(let detail):
            Problem(.badRequest, "malformed-json", title: "Malformed JSON", detail: detail)
        case .invalidCommand(let errors):
            invalidCommand(errors)
        case .amountOutOfRange(let error):
            amountOutOfRange(error)
        }
    }

    static func problem(for refusal: AccountRefusal, account: String) -> Problem {
        switch refusal {
        case .insufficientFunds(let available, let requested, let shortfall, let currency):
            Problem(
                .badRequest, "insufficient-funds", title: "Insufficient funds",
                detail: "the account \(account) holds \(available) \(currency), \(requested) \(currency) was requested",
                members: [
                    .init(name: "available", value: number(available)),
                    .init(name: "requested", value: number(requested)),
                    .init(name: "shortfall", value: number(shortfall)),
                    .init(name: "currency", value: .string(currency.code)),
                ])
        case .notFound:
            notFound(account)
        case .alreadyOpen:
            Problem(
                .conflict, "account-already-open", title: "Account already open",
                detail: "the account \(account) is open already")
        case .amountOutOfRange(let pointer, let detail):
            amountOutOfRange(FieldError(pointer: pointer, detail: detail))
        case .invalidField(let pointer, let detail):
            invalidCommand([FieldError(pointer: pointer, detail: detail)])
        default:
            Problem(.conflict, "command-refused", title: "Command refused", detail: refusal.description)
        }
    }

    /// - Parameter headers: what tells how fresh the answer is, where it is a query's.
    static func notFound(_ account: String, _ headers: HTTPFields = [:]) -> Problem {
        Problem(
            .notFound, "account-not-found", title: "Account not found", detail: "there is no account \(account)",
            headers: headers)
    }

    /// An account with a record that this program cannot apply.
    static func unreadable(_ error: RevisionError, _ headers: HTTPFields = [:]) -> Problem {
        var headers = headers
        // Only another version of the program heals it, so there is no use in asking soon.
        headers[.retryAfter] = "60"
        return Problem(
            .serviceUnavailable, "account-unreadable", title: "Account unreadable",
            detail: "the account \(error.stream.name) has a record that this program cannot apply, "
                + "at position \(error.position)",
            members: [
                .init(name: "position", value: .number(JSONNumber(Int64(clamping: error.position)))),
                .init(name: "reason", value: .string(error.reason)),
            ],
            headers: headers)
    }

    /// A query for another version than the account has.
    static func versionMismatch(_ account: Revision<Account>, _ headers: HTTPFields) -> Problem {
        Problem(
            .preconditionFailed, "version-mismatch", title: "Version mismatch",
            detail: "\(account.stream.name) is at version \(account.version), which is not what the request demands",
            members: [.init(name: "actual", value: .number(JSONNumber(Int64(clamping: account.version))))],
            headers: headers)
    }

    /// So much of a pointer is shown: a member's name is the client's, and as long as a body may be.
    private static var maxPointer: Int { 200 }

    private static func invalidCommand(_ errors: [FieldError]) -> Problem {
        let errors = errors.map { error in
            error.pointer.unicodeScalars.count <= maxPointer
                ? error
                : FieldError(
                    pointer: String(error.pointer.unicodeScalars.prefix(maxPointer)) + "…", detail: error.detail)
        }
        return Problem(
            .badRequest, "invalid-command", title: "Invalid command",
            detail: errors.map(\.description).joined(separator: "; "), members: [member(errors)])
    }

    private static func amountOutOfRange(_ error: FieldError) -> Problem {
        Problem(
            .badRequest, "amount-out-of-range", title: "Amount out of range", detail: error.description,
            members: [member([error])])
    }

    private static func member(_ errors: [FieldError]) -> JSONValue.Member {
        .init(
            name: "errors",
            value: .array(
                errors.map { error in
                    .object([
                        .init(name: "pointer", value: .string(error.pointer)),
                        .init(name: "detail", value: .string(error.detail)),
                    ])
                }))
    }

    private static func number(_ money: Money) -> JSONValue {
        // A decimal in JSON's own notation, so it is always a number.
        JSONNumber(money.description).map(JSONValue.number) ?? .string(money.description)
    }
}
