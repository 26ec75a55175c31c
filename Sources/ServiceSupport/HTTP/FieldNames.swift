public import HTTPTypes

extension HTTPField.Name {
    /// `Daybook-Position`: the log position that an answer reflects.
    public static let daybookPosition = known("Daybook-Position")
    /// `Daybook-Log-Id`: the id of the log that an answer is about.
    public static let daybookLogID = known("Daybook-Log-Id")
    /// `Daybook-Min-Position`: the log position that an answer must reflect at least.
    public static let daybookMinPosition = known("Daybook-Min-Position")
    /// `Daybook-Wait`: how much of `wait` is left, from a gateway that has waited itself.
    public static let daybookWait = known("Daybook-Wait")
    /// `Daybook-Stale`: `true` where the projection stopped at a record that it cannot apply, so that newer ones are missing.
    public static let daybookStale = known("Daybook-Stale")
    /// `Daybook-Correlation-Id`: what a command belongs to, by its client's own name; kept with the events.
    public static let daybookCorrelationID = known("Daybook-Correlation-Id")
    /// `Daybook-Causation-Id`: what a command was sent because of, by its client's own name; kept with the events.
    public static let daybookCausationID = known("Daybook-Causation-Id")
    /// `Daybook-Unreadable-Accounts`: how many accounts an answer about all of them leaves out, since a record of theirs
    /// cannot be applied.
    public static let daybookUnreadableAccounts = known("Daybook-Unreadable-Accounts")
    /// `Daybook-Accounts`: which accounts an answer may show, an id or a prefix and `*`. It only ever narrows what whoever asks
    /// may see.
    public static let daybookAccounts = known("Daybook-Accounts")
    /// `Daybook-Gateway`: what a gateway proves itself by, see ``GatewayProof``.
    public static let daybookGateway = known("Daybook-Gateway")
    /// `Idempotency-Key`: the key under which a command is obeyed at most once.
    public static let idempotencyKey = known("Idempotency-Key")
    /// `Idempotent-Replayed`: `true` where an answer was given before.
    public static let idempotentReplayed = known("Idempotent-Replayed")
    /// `Last-Event-ID`: the last event that a reader of server-sent events holds.
    public static let lastEventID = known("Last-Event-ID")
    /// `Link` (RFC 8288).
    public static let link = known("Link")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no token of RFC 9110") }
        return name
    }
}
