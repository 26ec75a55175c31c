internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import ServiceSupport

/// The operator's command line.
@main
struct Daybook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daybook",
        abstract: "Looks at, commands and looks after a Daybook: its services, its accounts, its log.",
        discussion: """
            Settings are those of the services (README, Settings): a flag, else the environment, else the file .env, else \
            the default. Every command takes --json. Shell completion: daybook --generate-completion-script bash|zsh|fish.

            Exit codes:
              0   done
              1   what was asked for is not so, is refused, or failed
              64  a wrong argument or setting
              65  the input is broken, or a part of it
              66  the input cannot be read
              69  a service cannot be reached or answer now, or the log's store is held
              70  a failure inside daybook
              74  the output cannot be written
            """,
        version: ServiceProgram.version,
        subcommands: [
            Status.self, Accounts.self, Show.self, Statement.self, Post.self, Events.self, Tail.self, Verify.self,
            Head.self, Backup.self, Restore.self, Copy.self, Export.self, Import.self, Rebuild.self, Keys.self,
            Token.self,
        ])

    static func main() async {
        // It reads keys and tokens. Only the environment can say otherwise: the file .env is not read by every command.
        if ProcessInfo.processInfo.environment[CoreDumps.setting.name] != "yes" { CoreDumps.prevent() }
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            // What there is to say was said.
            exit(withError: code)
        } catch {
            let code = exitCode(for: error)
            // Help and version are answers, not errors.
            if code == .success { exit(withError: error) }
            guard code == .validationFailure else {
                // What a library says of itself is of no use to an operator.
                Terminal.tell("daybook: a failure that daybook does not know (\(type(of: error)))")
                exit(withError: ExitCode(EX_SOFTWARE))
            }
            Terminal.tell(PrintableText(lines: fullMessage(for: error)))
            exit(withError: code)
        }
    }
}
