internal import Access
internal import ArgumentParser
internal import EventSourcing
internal import Glibc
internal import JSON
internal import SecureFiles
internal import ServiceSupport

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, lists and revokes the tokens by which HTTP clients prove who they are.",
        usage: "daybook token new|list|revoke [options]",
        discussion: """
            The file of tokens holds names, roles and digests, never a token itself. Services that are told of it \
            (ACCESS_TOKENS) take in a change within 3 s.

            Examples:
              daybook token new till-3 --role teller --accounts 'till-3-*' --expires 90d --tokens data/tokens
              daybook token list --tokens data/tokens
              daybook token revoke till-3 --tokens data/tokens
            """,
        subcommands: [TokenNew.self, TokenList.self, TokenRevoke.self])
}

/// Where a command finds the file of tokens.
struct TokenOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The file of tokens; else the setting ACCESS_TOKENS.", valueName: "file"))
    var tokens: String?

    func path() async throws -> String {
        try await Settings([(name: "access-tokens", value: tokens)]).tokens
    }
}

struct TokenNew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Adds a token to the file, and prints it: this once.",
        usage: "daybook token new NAME --role ROLE [--accounts PATTERN] [--expires 90d] [options]",
        discussion: """
            The name is the actor in every event that the token's holder causes. Roles: reader, teller, manager, auditor, \
            operator. A pattern is the beginning of the accounts' ids and *, or one id.

            Example: TOKEN=$(daybook token new till-3 --role teller --tokens data/tokens)
            """)

    @Argument(help: "Its name: 1 to 128 visible ASCII characters.") var name: String
    @Option(help: "What its holder may do.") var role: String
    @Option(help: "Which accounts its holder may see; all without it.") var accounts: String?
    @Option(help: "When it ends: a time of RFC 3339, or in 12h, 90d or 52w; never without it.") var expires: String?
    @OptionGroup var options: TokenOptions
    @Flag(help: "As a JSON object.") var json = false

    func validate() throws {
        guard ActorName.isValid(name) else {
            throw ValidationError("The name of a token has 1 to 128 visible ASCII characters.")
        }
        guard Role(rawValue: role) != nil else {
            throw ValidationError("A role is one of \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        if let accounts, Reach(accounts) == nil {
            throw ValidationError("--accounts is the beginning of ids and *, or one id.")
        }
        if let expires, Self.end(expires, from: .now()) == nil {
            throw ValidationError("--expires is a time to come of RFC 3339, or as long as 12h, 90d or 52w.")
        }
    }

    func run() async throws {
        let now = Timestamp.now()
        guard let role = Role(rawValue: role), let reach = accounts.map({ Reach($0) }) ?? .all else {
            throw ExitCode(EX_USAGE)
        }
        let end = expires.flatMap { Self.end($0, from: now) }
        let path = try await options.path()
        let token = TokenText.make()
        let entry = TokenEntry(
            name: name, role: role, digest: TokenText.digest(of: token), reach: reach, expires: end)
        guard try tokenFileReported({ try TokenFile.add(entry, to: path) }) else {
            Terminal.tell("daybook: \(path) has a token of the name \(name) already: revoke it first")
            throw ExitCode.failure
        }
        if json {
            JSONOutput.line([
                "name": .string(name), "role": .string(role.rawValue), "accounts": .string("\(reach)"),
                "expires": end.map { .string("\($0)") } ?? .null, "token": .string(token),
            ])
        } else {
            Terminal.line(PrintableText(token))
            Terminal.tell("daybook: the token of \(name) is shown this once; \(path) holds its digest alone")
        }
    }

    /// When a token ends that is made now; nil if that is no time to come.
    static func end(_ text: String, from now: Timestamp) -> Timestamp? {
        if let time = Timestamp(rfc3339: text) { return time > now ? time : nil }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count > 0,
            text.first != "+"
        else { return nil }
        let (microseconds, isTooLong) = count.multipliedReportingOverflow(by: unit * 1_000_000)
        let (end, isBeyond) = now.microseconds.addingReportingOverflow(microseconds)
        guard !isTooLong, !isBeyond else { return nil }
        return Timestamp(exactMicroseconds: end)
    }
}

struct TokenList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the tokens of the file.", usage: "daybook token list [options]")

    @OptionGroup var options: TokenOptions
    @Flag(help: "One JSON object a token.") var json = false

    func run() async throws {
        let path = try await options.path()
        let now = Timestamp.now()
        var table = Table(("NAME", .left), ("ROLE", .left), ("ACCOUNTS", .left), ("EXPIRES", .left))
        for entry in try tokenFileReported({ try TokenFile.read(path) }) {
            let isExpired = entry.isExpired(at: now)
            if json {
                JSONOutput.line([
                    "name": .string(entry.name), "role": .string(entry.role.rawValue),
                    "accounts": .string("\(entry.reach)"), "expires": entry.expires.map { .string("\($0)") } ?? .null,
                    "expired": .bool(isExpired),
                ])
            } else {
                let end = entry.expires.map { isExpired ? "\($0), expired" : "\($0)" } ?? "never"
                table.add(
                    (entry.name, .bold), (entry.role.rawValue, nil), ("\(entry.reach)", nil),
                    (end, isExpired ? .red : nil))
            }
        }
        if !json { table.print() }
    }
}

struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Removes a token from the file: whoever holds it is refused within 3 s.",
        usage: "daybook token revoke NAME [options]")

    @Argument(help: "Its name.") var name: String
    @OptionGroup var options: TokenOptions
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let path = try await options.path()
        guard try tokenFileReported({ try TokenFile.remove(name, from: path) }) else {
            Terminal.tell("daybook: \(path) has no token of the name \(name)")
            throw ExitCode.failure
        }
        if json {
            JSONOutput.line(["revoked": .string(name)])
        } else {
            Terminal.line("\(name) is revoked")
        }
    }
}

/// Runs what reads or changes a file of tokens; a failure is told in one line.
private func tokenFileReported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as SecureFileError {
        Terminal.tell("daybook: \(error)")
        throw ExitCode(EX_NOINPUT)
    } catch let error as AccessError {
        Terminal.tell("daybook: \(error)")
        throw ExitCode(EX_DATAERR)
    }
}
