internal import ServiceSupport

/// The problems of commands that accounts refuse.
///
/// A refusal changes nothing; under an Idempotency-Key it is the key's outcome.
extension AccountProblemKinds {
    private static let other =
        "the account that refuses, if it is the other one of two; if the caller can't see it, nothing more is told of it"

    static let funds = [
        ProblemKind(
            "insufficient-funds", 400, "Insufficient funds",
            meaning: "The account does not have what was requested: its balance without what is held, and its "
                + "overdraft; for a hold without the overdraft, for a capture what the hold holds. Nothing was recorded, "
                + "except the outcome of the Idempotency-Key if there was one.",
            remedy: "Request at most what is available, with a new Idempotency-Key.",
            members: [
                "available": "the amount that could be taken", "requested": "the amount of the command",
                "shortfall": "how much is missing", "currency": "the account's currency", "account": other,
            ]),
        ProblemKind(
            "limit-exceeded", 400, "Limit exceeded",
            meaning: "The balance would be beyond the account's maximum balance. Nothing was recorded, except the "
                + "outcome of the Idempotency-Key if there was one.",
            remedy: "Send less, or have the limit raised with SetLimits.",
            members: [
                "maximum": "the account's maximum balance", "balance": "its balance",
                "requested": "what would come in", "currency": "its currency", "account": other,
            ]),
        ProblemKind(
            "currency-mismatch", 400, "Currency mismatch",
            meaning: "The two accounts have different currencies. Nothing was recorded.",
            remedy: "Name an account of the same currency.", members: ["currency": "the currency of the sender"]),
        ProblemKind(
            "same-account", 400, "Same account",
            meaning: "The other account of the command is the one that it was sent to. Nothing was recorded.",
            remedy: "Name another account."),
    ]

    static let status = [
        ProblemKind(
            "account-not-found", 404, "Account not found",
            meaning: "No account with this id is open, or it was not open at the time that was asked for, or the "
                + "caller's token is not for it.",
            remedy: "Check the id, or open the account.", members: ["account": "the id that no account has"]),
        ProblemKind(
            "account-already-open", 409, "Account already open",
            meaning: "There is an account with this id, so it can't be opened. Nothing was recorded.",
            remedy: "Use the account, or another id."),
        ProblemKind(
            "account-frozen", 409, "Account frozen",
            meaning: "The account refuses movements of this direction. Nothing was recorded.",
            remedy: "Wait until it is unfrozen; the reason says why it is not.",
            members: [
                "direction": "what it refuses: debits, credits or all", "reason": "why it was frozen", "account": other,
            ]),
        ProblemKind(
            "not-frozen", 409, "Not frozen", meaning: "The account is not frozen. Nothing was recorded.",
            remedy: "Nothing is to be done."),
        ProblemKind(
            "account-closed", 409, "Account closed",
            meaning: "The account was closed, for good, and can only be read. Nothing was recorded.",
            remedy: "Use another account.", members: ["account": other]),
        ProblemKind(
            "account-not-empty", 409, "Account not empty",
            meaning: "Only an account with a balance of 0 and nothing held can be closed. Nothing was recorded.",
            remedy: "Resolve its holds and move the rest of its money.",
            members: ["balance": "its balance", "held": "what of it is held", "currency": "its currency"]),
    ]

    static let holds = [
        ProblemKind(
            "hold-not-found", 404, "Hold not found", meaning: "The account never had this hold. Nothing was recorded.",
            remedy: "Check the hold's name and the account.", members: ["hold": "the name"]),
        ProblemKind(
            "hold-exists", 409, "Hold exists",
            meaning: "The account has, or had, a hold of this name. Nothing was recorded.",
            remedy: "Give the new hold another name.", members: ["hold": "the name"]),
        ProblemKind(
            "hold-resolved", 409, "Hold resolved",
            meaning: "The hold was captured, released or expired before, and a hold is resolved once. Nothing was "
                + "recorded.",
            remedy: "Look at how it ended; place a new hold if the money is needed.",
            members: [
                "hold": "the name", "as": "how it ended: captured, released or expired",
                "version": "the account's version that ended it; absent if it expired and that is not recorded yet",
            ]),
        ProblemKind(
            "too-many-holds", 409, "Too many holds",
            meaning: "The account has as many open holds as an account may have. Nothing was recorded.",
            remedy: "Resolve some of them.", members: ["maximum": "how many there may be"]),
    ]

    static let reversals = [
        ProblemKind(
            "event-not-found", 404, "Event not found",
            meaning: "The account has no event of this version. Nothing was recorded.",
            remedy: "Look at the account's events for the version of the movement."),
        ProblemKind(
            "not-reversible", 409, "Not reversible",
            meaning: "Only deposits, withdrawals and transfers can be reversed, and not what was itself a reversal or "
                + "came of a hold. Nothing was recorded.",
            remedy: "Send a movement of your own."),
        ProblemKind(
            "already-reversed", 409, "Already reversed",
            meaning: "The movement was reversed before, and a movement is reversed once. Nothing was recorded.",
            remedy: "Look at the reversal.",
            members: ["version": "the account's version that reversed it", "account": other]),
    ]
}
