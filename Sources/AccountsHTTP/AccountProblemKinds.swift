public import ServiceSupport

/// The problems of commands and queries about accounts, as `GET /problems/NAME` explains them.
public enum AccountProblemKinds {
    /// All of them.
    public static let all: [ProblemKind] = malformed + funds + status + holds + reversals + conflicts

    private static let errors: KeyValuePairs = [
        "errors": "what is wrong, each with a pointer into the body (RFC 6901) and a detail"
    ]

    private static let malformed = [
        ProblemKind(
            "malformed-json", 400, "Malformed JSON",
            meaning: "The body, or a line of many commands, is not JSON of RFC 8259 in UTF-8. Nothing was recorded.",
            remedy: "The detail tells at which byte it goes wrong. Correct it and send it again."),
        ProblemKind(
            "invalid-command", 400, "Invalid command",
            meaning: "The body is JSON but no command: a field is missing, unknown, given twice or of the wrong form. "
                + "Nothing was recorded.",
            remedy: "Correct the fields that errors points at.", members: errors),
        ProblemKind(
            "invalid-account-id", 400, "Invalid account id",
            meaning: "No account can have this id.",
            remedy: "An id is 1 to 128 characters of A-Z a-z 0-9 . _ ~ - but neither . nor .. as a whole."),
        ProblemKind(
            "amount-out-of-range", 400, "Amount out of range",
            meaning: "An amount, or the balance after it, would have more than 15 significant digits. Nothing was "
                + "recorded.",
            remedy: "Use smaller amounts.", members: errors),
        ProblemKind(
            "statement-too-long", 400, "Statement too long",
            meaning: "The statement would have more rows than one may have.",
            remedy: "Ask for the statement up to the time in to, and for another from there.",
            members: ["to": "the latest time at which it may end", "maximum": "the maximum number of rows"]),
        ProblemKind(
            "position-beyond-head", 400, "Position beyond head",
            meaning: "The log has no such position yet, so a feed can't begin after it.",
            remedy: "Begin at a position that an answer has stated, or with after=now.",
            members: ["head": "the last position of the log"]),
    ]

    private static let conflicts = [
        ProblemKind(
            "command-in-progress", 409, "Command in progress",
            meaning: "A command with this Idempotency-Key is being executed on this account at the moment.",
            remedy: "Send the same request again after the time in Retry-After, to get its outcome."),
        ProblemKind(
            "another-history", 409, "Another history",
            meaning: "The log at this position holds another event than the one that the reader knows: it was restored "
                + "from a backup, or is another log.",
            remedy: "Forget what was read after the last position that both agree on, and read it again."),
        ProblemKind(
            "rebuild-failed", 409, "Rebuild failed",
            meaning: "The projection was not rebuilt; it goes on as it was.",
            remedy: "The detail tells why. Remove the cause and start the rebuild again."),
        ProblemKind(
            "version-mismatch", 412, "Version mismatch",
            meaning: "The account is not at the version that If-Match or If-None-Match demands. Nothing was recorded, "
                + "and no Idempotency-Key was bound.",
            remedy: "Read the account again, decide again, and send the command with the new version.",
            members: [
                "expected": "the version that the request demands, if it is one", "actual": "the account's version",
            ]),
        ProblemKind(
            "idempotency-key-reused", 422, "Idempotency key reused",
            meaning: "This Idempotency-Key was used on this account for another command. Nothing was recorded.",
            remedy: "Use a new key for a new command."),
        ProblemKind(
            "account-unreadable", 503, "Account unreadable",
            meaning:
                "A record of the account can't be applied by this version of the program, so nobody can tell what the "
                + "account is now. Nothing was recorded. All other accounts go on.",
            remedy: "Run a version of the program that can read the record.",
            members: ["position": "the position of the record", "reason": "why it can't be applied"]),
        ProblemKind(
            "outcome-unknown", 504, "Outcome unknown",
            meaning: "The event log did not answer in time. The command may have been recorded, or may still be.",
            remedy: "Send the same command with the same Idempotency-Key; without a key, read the account first."),
    ]
}
