internal import ArgumentParser

/// A command on an account and its fields, as flags.
struct CommandOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Open the account for this owner.", valueName: "owner")) var open: String?
    @Option(help: ArgumentHelp("Put in this amount.", valueName: "amount")) var deposit: String?
    @Option(help: ArgumentHelp("Take out this amount.", valueName: "amount")) var withdraw: String?
    @Option(help: ArgumentHelp("Send --amount to another account.", valueName: "account")) var transferTo: String?
    @Option(help: ArgumentHelp("Hold --amount under this id.", valueName: "hold")) var hold: String?
    @Option(help: ArgumentHelp("Take what is held, or --amount of it.", valueName: "hold")) var capture: String?
    @Option(help: ArgumentHelp("Give a hold up.", valueName: "hold")) var release: String?
    @Option(help: ArgumentHelp("How far below zero it may go; none: not at all.", valueName: "amount"))
    var setOverdraft: String?
    @Option(help: ArgumentHelp("The largest balance; none: no limit.", valueName: "amount"))
    var setMaximumBalance: String?
    @Option(help: ArgumentHelp("Refuse debits, credits or all.", valueName: "direction")) var freeze: String?
    @Flag(help: "Lift a freeze.") var unfreeze = false
    @Flag(help: "Close the account.") var close = false
    @Option(help: ArgumentHelp("Undo the movement of this version.", valueName: "version")) var reverse: UInt64?

    @Option(help: "Of --transfer-to, --hold and --capture.") var amount: String?
    @Option(help: ArgumentHelp("Capture into another account.", valueName: "account")) var to: String?
    @Option(help: ArgumentHelp("The hold ends after 30s, 10m, 7d.", valueName: "time")) var expiresIn: String?
    @Option(help: ArgumentHelp("The hold ends at a time, RFC 3339 or a date.", valueName: "time"))
    var expiresAt: String?
    @Option(help: ArgumentHelp("Of --open; else 0.", valueName: "amount")) var initialBalance: String?
    @Option(help: ArgumentHelp("Of --open; else USD.", valueName: "code")) var currency: String?
    @Option(help: ArgumentHelp("Of --open.", valueName: "amount")) var overdraft: String?
    @Option(help: ArgumentHelp("Of --open.", valueName: "amount")) var maximumBalance: String?
    @Option(help: "Of --freeze, --unfreeze, --close and --reverse.") var reason: String?
    @Option(help: "Your own number of a movement, kept in its event.") var reference: String?
    @Option(help: "What a movement is for, kept in its event.") var description: String?
    @Option(help: ArgumentHelp("The date of a movement for the statement.", valueName: "date"))
    var effectiveAt: String?

    func validate() throws { _ = try members() }
}
