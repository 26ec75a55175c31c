internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What clients are told of requests that are no commands, and of accounts that can't be shown.
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

    /// - Parameter headers: what tells how fresh the answer is, where it is a query's.
    static func notFound(_ account: String, _ headers: HTTPFields = [:]) -> Problem {
        Problem(
            .notFound, "account-not-found", title: "Account not found", detail: "there is no account \(account)",
            members: [.init(name: "account", value: .string(account))], headers: headers)
    }

    /// 503: an account has a record that this program cannot apply.
    static func unreadable(_ error: RevisionError, _ headers: HTTPFields = [:]) -> Problem {
        unreadable(UnreadableAccount(error), headers)
    }

    /// 503: an account has a record that this program cannot apply.
    static func unreadable(_ account: UnreadableAccount, _ headers: HTTPFields = [:]) -> Problem {
        var headers = headers
        // Only another version of the program heals it, so there is no use in asking soon.
        headers[.retryAfter] = "60"
        return Problem(
            .serviceUnavailable, "account-unreadable", title: "Account unreadable",
            detail: "the record at position \(account.position) of the account \(account.name) can't be applied: "
                + account.reason,
            members: [
                .init(name: "position", value: .number(JSONNumber(Int64(clamping: account.position)))),
                .init(name: "reason", value: .string(account.reason)),
            ], headers: headers)
    }

    /// 503: an account that whoever asks does not see has a record that this program cannot apply.
    static func unreadable(unseen account: String) -> Problem {
        Problem(
            .serviceUnavailable, "account-unreadable", title: "Account unreadable",
            detail: "a record of the account \(account) can't be applied", headers: [.retryAfter: "60"])
    }

    /// 503: what an answer is made of is not a part of the log any more.
    static let logWentBack = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the log was restored from a backup while it was read; ask again later",
        headers: [.retryAfter: "1"])

    /// 400: a statement with more rows than one may have.
    static func statementTooLong(_ account: String, endingAt time: Timestamp, _ headers: HTTPFields) -> Problem {
        Problem(
            .badRequest, "statement-too-long", title: "Statement too long",
            detail:
                "a statement has at most \(Statement.maxRows) rows: ask for one of \(account) up to \(time) and for "
                + "another from there",
            members: [
                .init(name: "to", value: .string(time.description)),
                .init(name: "maximum", value: .number(JSONNumber(Int64(Statement.maxRows)))),
            ], headers: headers)
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

    static func invalidCommand(_ errors: [FieldError]) -> Problem {
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

    static func amountOutOfRange(_ error: FieldError) -> Problem {
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
}
