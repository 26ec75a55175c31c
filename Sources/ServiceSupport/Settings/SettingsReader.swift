/// The settings that a program was started with: a flag wins over the environment, that over the settings file, that over
/// the default.
///
/// The settings file is `.env` in the working directory, which may be missing, or the one that `SETTINGS_FILE` names.
public struct SettingsReader: Sendable {
    /// Which file of settings is read.
    public static let settingsFile = SettingDescription(
        name: "SETTINGS_FILE", defaultText: ".env", help: "a file of settings; only the default one may be missing"
    ) { text throws(SettingError) in
        guard !text.isEmpty else { throw SettingError("expected the path of a file") }
    }

    private let known: [SettingDescription]
    private let flags: [String: String]
    private let environment: [String: String]
    private let file: SettingsFile

    /// Takes in the settings and refuses flags that the program does not have.
    ///
    /// - Parameters:
    ///   - known: every setting of the program.
    ///   - arguments: the command line without the program's name: `--event-store VALUE` or `--event-store=VALUE`.
    ///   - defaultFile: the file that is read if `SETTINGS_FILE` names none.
    /// - Throws: ``SettingError`` for a wrong flag, and for a settings file or a line of it that cannot be read.
    public init(
        known: [SettingDescription], arguments: [String], environment: [String: String],
        file defaultFile: String = Self.settingsFile.defaultText
    ) throws(SettingError) {
        self.known = known
        flags = try Self.flags(in: arguments, known: known + [Self.settingsFile])
        self.environment = environment
        if let path = flags[Self.settingsFile.flag] ?? environment[Self.settingsFile.name] {
            file = try SettingsFile(path: try SettingPath.expanded(path), isOptional: false)
        } else {
            file = try SettingsFile(path: defaultFile, isOptional: true)
        }
    }

    /// The value of a setting.
    ///
    /// - Throws: ``SettingError`` if its text cannot be read; the message says where the text stands.
    public func value<Value>(_ setting: Setting<Value>) throws(SettingError) -> Value {
        precondition(known.contains(setting.description), "\(setting.name) is not among the program's settings")
        return try read(setting.description) { text throws(SettingError) in try setting.parse(text) }
    }

    /// Every setting of the program with the text that is in effect, in the order of the program's `--help`.
    ///
    /// - Throws: ``SettingError`` for the first one whose text is wrong.
    public func settingsInEffect() throws(SettingError) -> [(name: String, text: String)] {
        var settings: [(name: String, text: String)] = []
        for setting in known {
            let text = try read(setting) { text throws(SettingError) in
                try setting.check(text)
                return text
            }
            settings.append((setting.name, text))
        }
        return settings
    }

    private func read<Value>(
        _ setting: SettingDescription, _ parse: (String) throws(SettingError) -> Value
    ) throws(SettingError) -> Value {
        let (text, source) = text(of: setting)
        do throws(SettingError) {
            // No setting has use for them, and where one is shown they would be taken for something else.
            guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
                throw SettingError("a setting holds no control characters")
            }
            return try parse(text)
        } catch {
            throw SettingError("\(source) is “\(ShownText.of(text).onOneLine)”: \(error)")
        }
    }

    private func text(of setting: SettingDescription) -> (text: String, source: String) {
        if let text = flags[setting.flag] { return (text, setting.flag) }
        if let text = environment[setting.name] { return (text, setting.name) }
        if let entry = file[setting.name] {
            return (entry.value, "\(setting.name) in \(file.path), line \(entry.line),")
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
                throw SettingError(
                    "unknown argument “\(ShownText.of(argument).onOneLine)”; --help lists the settings")
            }
            guard flags[flag] == nil else { throw SettingError("\(flag) is given twice") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw SettingError("\(flag) needs a value")
            }
            flags[flag] = value
        }
        return flags
    }
}
