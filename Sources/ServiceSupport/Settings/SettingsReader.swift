internal import Configuration
internal import SystemPackage

/// The settings that a program was started with: a flag wins over the environment, that over the file `.env` in the
/// working directory, that over the default.
public struct SettingsReader: Sendable {
    private let known: [SettingDescription]
    private let flags: [String: String]
    private let environment: EnvironmentVariablesProvider
    private let file: EnvironmentVariablesProvider

    /// Takes in the settings and refuses flags that the program does not have.
    ///
    /// - Parameters:
    ///   - known: every setting of the program.
    ///   - arguments: the command line without the program's name: `--event-store VALUE` or `--event-store=VALUE`.
    public init(
        known: [SettingDescription], arguments: [String], environment: [String: String], file path: String = ".env"
    ) async throws(SettingError) {
        self.known = known
        flags = try Self.flags(in: arguments, known: known)
        self.environment = EnvironmentVariablesProvider(environmentVariables: environment)
        do {
            file = try await EnvironmentVariablesProvider(environmentFilePath: FilePath(path), allowMissing: true)
        } catch {
            throw SettingError("cannot read the settings file \(path): \(error)")
        }
    }

    /// The value of a setting.
    ///
    /// - Throws: ``SettingError`` where its text cannot be read; the message says where the text stands.
    public func value<Value>(_ setting: Setting<Value>) throws(SettingError) -> Value {
        precondition(known.contains(setting.description), "\(setting.name) is not among the program's settings")
        let (text, source) = try text(of: setting.description)
        do {
            return try setting.parse(text)
        } catch {
            throw SettingError("\(source) is “\(text)”: \(error)")
        }
    }

    private func text(of setting: SettingDescription) throws(SettingError) -> (text: String, source: String) {
        if let text = flags[setting.flag] { return (text, setting.flag) }
        do {
            if let text = try environment.environmentValue(forName: setting.name) { return (text, setting.name) }
            if let text = try file.environmentValue(forName: setting.name) {
                return (Self.withoutQuotes(text), "\(setting.name) in .env")
            }
        } catch {
            throw SettingError("cannot read the setting \(setting.name): \(error)")
        }
        return (setting.defaultText, "the default of \(setting.name)")
    }

    private static func flags(
        in arguments: [String], known: [SettingDescription]
    ) throws(SettingError) -> [String: String] {
        var flags: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(parts[0])
            guard known.contains(where: { $0.flag == flag }) else {
                throw SettingError("unknown argument “\(argument)”; --help lists the settings")
            }
            guard flags[flag] == nil else { throw SettingError("\(flag) is given twice") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw SettingError("\(flag) needs a value")
            }
            flags[flag] = value
        }
        return flags
    }

    /// Settings files are shared with shells and process runners, which take a value's quotes off.
    private static func withoutQuotes(_ text: String) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
