internal import ArgumentParser
internal import JSON

extension CommandOptions {
    /// The command as the gateway takes it.
    ///
    /// - Throws: `ValidationError` if there is not exactly one command, a field is missing, or one is of another command.
    func members() throws -> [JSONValue.Member] {
        let given = commands.filter { $0.isGiven }
        guard let command = given.first else { throw ValidationError("expected a command, such as --deposit 5") }
        guard given.count == 1 else {
            let flags = given.map(\.flag).joined(separator: " and ")
            throw ValidationError("\(flags) cannot stand together: one command at a time")
        }
        var members = [JSONValue.Member(name: "type", value: .string(command.type))] + command.members
        for field in fields {
            guard let value = field.value else {
                guard !command.required.contains(field.flag) else {
                    throw ValidationError("\(command.flag) needs \(field.flag)")
                }
                continue
            }
            guard command.required.contains(field.flag) || command.optional.contains(field.flag) else {
                throw ValidationError("\(field.flag) is no field of \(command.flag)")
            }
            members.append(JSONValue.Member(name: field.name, value: .string(value)))
        }
        return members
    }

    private struct Command {
        let flag: String
        let type: String
        let isGiven: Bool
        /// What its own flag says.
        let members: [JSONValue.Member]
        /// The flags of the fields that it must and may have.
        let required: Set<String>
        let optional: Set<String>

        init(
            _ flag: String, _ type: String, isGiven: Bool, _ members: JSONValue.Member?..., required: Set<String> = [],
            optional: Set<String> = []
        ) {
            self.flag = flag
            self.type = type
            self.isGiven = isGiven
            self.members = members.compactMap(\.self)
            self.required = required
            self.optional = optional
        }

        /// A command whose flag has a value, the member of a name.
        init(
            _ flag: String, _ type: String, _ name: String, _ value: String?, required: Set<String> = [],
            optional: Set<String> = []
        ) {
            let member = value.map { JSONValue.Member(name: name, value: .string($0)) }
            self.init(flag, type, isGiven: value != nil, member, required: required, optional: optional)
        }
    }

    private var commands: [Command] {
        let ofMovements: Set = ["--reference", "--description", "--effective-at"]
        return [
            Command(
                "--open", "OpenAccount", "owner", open, required: ["--initial-balance"],
                optional: ["--currency", "--overdraft", "--maximum-balance"]),
            Command("--deposit", "Deposit", "amount", deposit, optional: ofMovements),
            Command("--withdraw", "Withdraw", "amount", withdraw, optional: ofMovements),
            Command("--transfer-to", "Transfer", "to", transferTo, required: ["--amount"], optional: ofMovements),
            Command(
                "--hold", "PlaceHold", "hold", hold, required: ["--amount"],
                optional: ofMovements.union(["--expires-in", "--expires-at"])),
            Command("--capture", "CaptureHold", "hold", capture, optional: ofMovements.union(["--amount", "--to"])),
            Command("--release", "ReleaseHold", "hold", release),
            Command(
                setOverdraft == nil ? "--set-maximum-balance" : "--set-overdraft", "SetLimits",
                isGiven: setOverdraft != nil || setMaximumBalance != nil, limit("overdraft", setOverdraft),
                limit("maximum_balance", setMaximumBalance)),
            Command("--freeze", "Freeze", "direction", freeze, required: ["--reason"]),
            Command("--unfreeze", "Unfreeze", isGiven: unfreeze, required: ["--reason"]),
            Command("--close", "Close", isGiven: close, required: ["--reason"]),
            Command(
                "--reverse", "Reverse", isGiven: reverse != nil,
                reverse.map { JSONValue.Member(name: "version", value: JSONOutput.number($0)) },
                required: ["--reason"], optional: ofMovements),
        ]
    }

    /// The fields that stand beside a command's own flag.
    private var fields: [(flag: String, name: String, value: String?)] {
        [
            ("--initial-balance", "initial_balance", initialBalance ?? (open == nil ? nil : "0")),
            ("--currency", "currency", currency), ("--overdraft", "overdraft", overdraft),
            ("--maximum-balance", "maximum_balance", maximumBalance), ("--amount", "amount", amount),
            ("--to", "to", to), ("--expires-in", "expires_in", expiresIn),
            ("--expires-at", "expires_at", expiresAt.map { TimeArgument.rfc3339($0) }), ("--reason", "reason", reason),
            ("--reference", "reference", reference), ("--description", "description", description),
            ("--effective-at", "effective_at", effectiveAt),
        ]
    }

    /// A limit that is set, or taken away.
    private func limit(_ name: String, _ text: String?) -> JSONValue.Member? {
        text.map { JSONValue.Member(name: name, value: $0 == "none" ? .null : .string($0)) }
    }
}
