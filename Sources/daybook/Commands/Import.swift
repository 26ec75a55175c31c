internal import ArgumentParser
internal import Glibc
internal import JSON
internal import Operations

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes a file of events in the shape of the recipe into the live log.",
        discussion: """
            A line is an event of the recipe with its account:
              {"account":"acc-001","type":"AccountOpened","owner":"Alice","initial_balance":1000.0}
              {"account":"acc-001","type":"MoneyDeposited","amount":500.0}

            An account is taken whole or not at all: a broken line is named by its number and rules its account out. What \
            is in the log already, from an earlier run, is not taken twice. Exit code 65 where something was ruled out.

            Example: daybook import history.ndjson
            """)

    @Argument(help: "The file; - for standard input.") var file: String
    @Flag(help: "Look at the file only.") var dryRun = false
    @Flag(help: "As a JSON object.") var json = false

    func run() async throws {
        let recipe = try read()
        var report = ImportReport()
        if !dryRun {
            var bar = ProgressBar("importing", unit: "events")
            report = try await LogConnection.with(try Settings().log) { client in
                try await RecipeImport(client: client).run(recipe) { bar.show(UInt64($0), of: UInt64($1)) }
            }
            bar.finish()
        }
        for line in recipe.brokenLines { Terminal.tell("daybook: \(line)") }
        for refusal in report.refusals { Terminal.tell("daybook: \(refusal)") }
        if json {
            JSONOutput.line([
                "accounts": JSONOutput.number(recipe.accounts), "events": JSONOutput.number(recipe.events),
                "recorded": JSONOutput.number(report.eventsRecorded), "found": JSONOutput.number(report.eventsFound),
                "broken_lines": .array(recipe.brokenLines.map { JSONOutput.number($0.number) }),
                "accounts_ruled_out": JSONOutput.number(recipe.accountsRuledOut + report.refusals.count),
            ])
        } else {
            Terminal.line(
                "\(recipe.accounts) accounts, \(recipe.events) events: \(report.eventsRecorded) recorded, "
                    + "\(report.eventsFound) were there; \(recipe.accountsRuledOut + report.refusals.count) accounts "
                    + "ruled out")
        }
        if !recipe.brokenLines.isEmpty || !report.refusals.isEmpty { throw ExitCode(EX_DATAERR) }
    }

    private func read() throws -> RecipeFile {
        let stream = file == "-" ? fdopen(STDIN_FILENO, "r") : fopen(file, "r")
        guard let stream else {
            Terminal.tell("daybook: cannot open \(file): \(String(cString: strerror(errno)))")
            throw ExitCode(EX_NOINPUT)
        }
        defer { fclose(stream) }
        var recipe = RecipeFile()
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        while true {
            let count = getline(&buffer, &capacity, stream)
            guard count >= 0, let buffer else { break }
            var line = UnsafeRawBufferPointer(start: buffer, count: count)[...]
            if line.last == UInt8(ascii: "\n") { line = line.dropLast() }
            recipe.add([UInt8](line))
        }
        guard ferror(stream) == 0 else {
            Terminal.tell("daybook: cannot read \(file): \(String(cString: strerror(errno)))")
            throw ExitCode(EX_NOINPUT)
        }
        return recipe
    }
}
