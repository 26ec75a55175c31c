public import Access
public import Accounts
public import CommandService
public import EventSourcing
public import JSON
public import ServiceSupport

/// How account commands come in over HTTP and how accounts and refusals go out: `contract/http-api.md`.
public struct AccountCommands: CommandDomain {
    /// The path under which accounts stand.
    public let collection = "accounts"
    /// The whole log, and what all accounts come to.
    public let forwardedPaths: [(path: String, permission: Permission)] = [("/events", .audit), ("/totals", .audit)]

    /// An account's history, and what moved money in it.
    public let forwardedParts = ["events", "statement"]

    /// Those of them that answer with a feed whoever accepts one.
    public let feedPaths: Set<String> = ["/events"]
    /// 64 KiB.
    public let largestBody = 64 << 10

    /// The account commands.
    public init() {}

    /// The stream of an account.
    public func stream(of id: String) throws(Problem) -> StreamID { try AccountPaths.stream(of: id) }

    /// Reads a command.
    public func command(from body: [UInt8]) throws(Problem) -> AccountCommand {
        do throws(CommandParsingError) {
            return try AccountCommand.parse(body)
        } catch {
            throw AccountProblems.problem(for: error)
        }
    }

    /// What an account is called in the answer to a line of many commands.
    public let memberName = "account"

    /// Reads a line of many commands: `account`, if wanted `idempotency_key`, `if_match`, `correlation_id` and
    /// `causation_id`, and the command's own fields.
    public func bulkCommand(from line: [UInt8]) throws(Problem) -> BulkCommand<AccountCommand> {
        do throws(CommandParsingError) {
            return try BulkFields.parse(line)
        } catch {
            throw AccountProblems.problem(for: error)
        }
    }

    /// The command without what makes no difference: order of members, white space, ways of writing an amount.
    public func canonicalBytes(of command: AccountCommand) -> [UInt8] { command.canonicalBytes }

    /// What whoever sends the command needs: `contract/access.md`.
    public func permission(for command: AccountCommand) -> Permission {
        switch command {
        case .deposit, .withdraw, .transfer, .placeHold, .captureHold, .releaseHold: .move
        case .open, .setLimits, .freeze, .unfreeze, .close, .reverse: .manage
        }
    }

    /// Whether the command opens an account.
    public func isCreation(_ command: AccountCommand) -> Bool {
        if case .open = command { true } else { false }
    }

    /// Writes the account, after a transfer with its id.
    public func write(
        _ revision: Revision<Account>, answering command: AccountCommand, to writer: inout JSONWriter,
        amounts form: DecimalForm
    ) {
        // The id of a transfer is that of its event on the sender's stream, and that is the last of the command.
        let transfer = command.counterparty == nil ? nil : revision.lastEvent
        revision.writeAccount(to: &writer, amounts: form, transfer: transfer)
    }

    /// The members of refusals that hold amounts.
    public let amountMembers = AccountProblems.amountMembers

    /// A field that no command to this account can have, such as an amount that is none in its currency.
    public func isMalformed(_ refusal: AccountRefusal) -> Bool {
        if case .invalidField = refusal { true } else { false }
    }

    /// What a client is told of a refusal; of another account that it does not see, no more than that it refuses.
    public func problem(for refusal: AccountRefusal, of stream: StreamID, to sender: CommandSender?) -> Problem {
        AccountProblems.problem(for: refusal, account: stream.name, to: sender)
    }

    /// What a client is told if an account has a record that this program cannot apply; of one that it does not see, not which.
    public func problem(forUnreadable error: RevisionError, to sender: CommandSender?) -> Problem {
        sender.sees(error.stream)
            ? AccountProblems.unreadable(error) : AccountProblems.unreadable(unseen: error.stream.name)
    }

    /// What a client is told of an account that it does not see.
    public func problem(forUnseen stream: StreamID) -> Problem { AccountProblems.notFound(stream.name) }
}
