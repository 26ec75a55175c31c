internal import FoundationEssentials
internal import Glibc
public import Logging
internal import SecureFiles
public import ServiceLifecycle
internal import UnixSignals

/// A failure that ends a service: one clear line for its operator.
public struct ServiceFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line: what failed, with which value, and what to do.
    public let description: String

    /// A failure with its line.
    public init(_ description: String) {
        self.description = description
    }
}

/// What every service's executable does around its service: settings, `--help`, `--version`, logging, signals, exit
/// codes.
///
/// | exit code | meaning |
/// |---|---|
/// | 0 | stopped by SIGTERM or SIGINT, everything accepted was finished |
/// | 1 | the service failed; the last line says why |
/// | 64 | a setting is wrong (`EX_USAGE`) |
///
/// SIGHUP ends nothing: see ``ReloadSignal``.
public struct ServiceProgram: Sendable {
    /// The version of Daybook.
    public static let version = "0.1.0"

    /// How long finishing what was accepted may take; the contract allows 5 s for everything.
    private static let gracePeriod = Duration.milliseconds(3500)

    private let name: String
    private let about: String
    private let settings: [SettingDescription]

    /// A program by its name, what it is in one sentence, and all its settings.
    public init(_ name: String, about: String, settings: [SettingDescription]) {
        self.name = name
        self.about = about
        self.settings =
            settings + [
                CommonSettings.logLevel.description, CoreDumps.setting.description, SettingsReader.settingsFile,
            ]
    }

    /// Runs the program to its end.
    ///
    /// - Parameter build: makes the parts of the service from the settings, lowest first: they start in this order and
    ///   stop in the reverse one. A ``SettingError`` that it throws ends the program as a wrong setting.
    public func run(_ build: (SettingsReader, Logger) async throws -> [any Service]) async -> Never {
        // Until the services are started there is nothing to finish.
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
        ReloadSignal.process.begin()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") || arguments.contains("-h") { end(printing: help, code: 0) }
        if arguments.contains("--version") { end(printing: "\(name) \(Self.version)", code: 0) }
        do {
            let isToPrint = arguments.contains("--print-settings")
            let settings = try SettingsReader(
                known: settings, arguments: arguments.filter { $0 != "--print-settings" },
                environment: ProcessInfo.processInfo.environment)
            if isToPrint {
                let lines = try settings.settingsInEffect().map { name, text in
                    "\(name)=\(Self.shown(text, of: name))"
                }
                end(printing: lines.joined(separator: "\n"), code: 0)
            }
            if try !settings.value(CoreDumps.setting) { CoreDumps.prevent() }
            let level = try settings.value(CommonSettings.logLevel)
            LoggingSystem.bootstrap { label in
                // Written line by line, also into a pipe, as process runners need it.
                var handler = PrintableLogHandler(.standardOutput(label: label))
                handler.logLevel = level
                return handler
            }
            let logger = Logger(label: name)
            try DescriptorLimit.raise()
            let services = try await build(settings, logger)
            try await run(services, logger: logger)
            logger.info("stopped")
            leave(0)
        } catch let error as SettingError {
            fail("wrong setting: \(error)", code: EX_USAGE)
        } catch {
            fail("\(error)", code: EXIT_FAILURE)
        }
    }

    private func run(_ services: [any Service], logger: Logger) async throws {
        var groupLogger = logger
        groupLogger.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: (services + [StopNotice()]).map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: groupLogger)
        configuration.maximumGracefulShutdownDuration = Self.gracePeriod
        // What ends the process after that is ShutdownDeadline: the group's own limit is a trap.
        try await ServiceGroup(configuration: configuration).run()
    }

    private var help: String {
        let width = settings.map { $0.flag.count }.max() ?? 0
        let lines = settings.map { setting in
            let flag = setting.flag + String(repeating: " ", count: width - setting.flag.count)
            return "  \(flag)  \(setting.help)\n  \(String(repeating: " ", count: width))  "
                + "(\(setting.name), default \(setting.defaultText))"
        }
        return """
            \(name): \(about)

            usage: \(name) [--SETTING VALUE]...

            A setting is taken from its flag, else from the environment, else from the file .env, else its default.
            The file's lines are NAME=VALUE, read as python-dotenv reads them; a line that it would ignore is an error.

            \(lines.joined(separator: "\n"))
              --help            show this
              --version         show the version
              --print-settings  check all settings and show what is in effect, as NAME=VALUE
            """
    }

    private static func shown(_ text: String, of name: String) -> String {
        // A connection string may hold a password.
        if name == CommonSettings.eventStore.name { return text.hasPrefix("sqlite:") ? text : ShownText.of(text) }
        return namesSecret(name) ? SecretText.shown(text) : text
    }

    /// Whether a setting's value is the path of a file with secrets, so that somebody may give the secret itself.
    private static func namesSecret(_ name: String) -> Bool {
        !name.hasSuffix("_PUBLIC_KEY")
            && ["_KEY", "_TOKEN", "_TOKENS", "_PEERS", "_JWKS"].contains { name.hasSuffix($0) }
    }

    private func fail(_ message: String, code: Int32) -> Never {
        let line = "\(name): \(PrintableText(message))\n"
        // Nobody is left to tell where standard error is closed.
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        leave(code)
    }

    private func end(printing text: String, code: Int32) -> Never {
        print(text)
        leave(code)
    }

    /// Ends the process without its exit handlers: a thread may still be at work, such as one that connects to a server, and
    /// OpenSSL's handler frees what it uses.
    private func leave(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
