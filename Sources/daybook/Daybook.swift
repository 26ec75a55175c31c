internal import ArgumentParser
internal import ServiceSupport

/// The operator's command line.
@main
struct Daybook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daybook",
        abstract: "Looks at and looks after a Daybook: its services, its accounts, its log.",
        discussion: """
            Settings are those of the services (README, Settings): a flag, else the environment, else the file .env, else \
            the default. Shell completion: daybook --generate-completion-script bash|zsh|fish.

            Exit codes: 0 done; 1 what was asked for is not so, or failed; 64 a wrong argument or setting; 65 the input \
            is (partly) broken; 69 a service cannot be reached.
            """,
        version: ServiceProgram.version,
        subcommands: [
            Status.self, Accounts.self, Show.self, Events.self, Tail.self, Verify.self, Head.self, Backup.self,
            Restore.self, Export.self, Import.self, Rebuild.self,
        ])
}
