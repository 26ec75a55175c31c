internal import ArgumentParser
internal import Glibc
internal import JSON
internal import Operations
internal import ServiceSupport

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes a file of events in the shape of the recipe into the live log.",
        usage: "daybook import FILE [--dry-run] [options]",
        discussion: """
            A line is an event of the recipe with its account, at most 1 MiB:
              {"account":"a-1","type":"AccountOpened","owner":"Al","initial_balance":10.0}
              {"account":"a-1","type":"MoneyDeposited","amount":500.0}

            An account is taken whole or not at all: a broken line is named by its number and rules its account out. If it \
            cannot be known whose line it is (it is no JSON, or names no account), nothing of the file is taken. What is in \
            the log already, from an earlier run, is not taken twice. Exit code 65 if anything was ruled out.

            The file is held in memory: 1 GiB of lines at most. Split a longer one by accounts.

            Example: daybook import history.ndjson
            """)

    @Argument(help: "The file; - for standard input.") var file: String
    @Flag(help: "Look at the file only.") var dryRun = false
    @Flag(help: "As a JSON object.") var json = false
    @OptionGroup var log: LogOptions

    func run() async throws {
        let recipe = try read()
        for line in recipe.brokenLines { Terminal.tell("daybook: \(line)") }
        var report = ImportReport()
        if !dryRun, recipe.accounts > 0 {
            var bar = ProgressBar("importing", unit: "events")
            report = try await LogConnection.with(try await log.address()) { client in
                try await RecipeImport(client: client).run(recipe) { bar.show(UInt64($0), of: UInt64($1)) }
            }
            bar.finish()
        }
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
        let reader = try LineReader(file)
        var recipe = RecipeFile()
        while let line = try reader.next() {
            do throws(RecipeFileError) {
                try recipe.add(line)
            } catch {
                for line in recipe.brokenLines { Terminal.tell("daybook: \(line)") }
                Terminal.tell("daybook: \(file): \(error); nothing was imported")
                throw ExitCode(EX_DATAERR)
            }
        }
        return recipe
    }
}
