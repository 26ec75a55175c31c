/// One setting of a service: its name, what it is for, and how its text is read.
///
/// The name is that of the environment variable, such as `EVENT_STORE`; the flag is made from it, `--event-store`.
public struct Setting<Value: Sendable>: Sendable {
    /// The environment variable: capital letters, digits and underscores.
    public let name: String
    /// The text that stands where none is given.
    public let defaultText: String
    /// What it is for, in one line, for `--help`.
    public let help: String

    let parse: @Sendable (String) throws(SettingError) -> Value

    /// A setting and how its text is read. `parse` throws ``SettingError`` with what is expected.
    public init(
        _ name: String, default defaultText: String, help: String,
        parse: @escaping @Sendable (String) throws(SettingError) -> Value
    ) {
        self.name = name
        self.defaultText = defaultText
        self.help = help
        self.parse = parse
    }

    /// The setting without its type, for lists.
    public var description: SettingDescription {
        SettingDescription(name: name, defaultText: defaultText, help: help)
    }
}

/// What `--help` tells of a setting.
public struct SettingDescription: Hashable, Sendable {
    /// The environment variable.
    public let name: String
    /// The text that stands where none is given.
    public let defaultText: String
    /// What it is for.
    public let help: String

    /// The flag: `--event-store` for `EVENT_STORE`.
    public var flag: String { "--" + name.lowercased().replacing("_", with: "-") }
}

/// A setting that is wrong. The message is one line that names the setting, its value and what is expected.
public struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The message.
    public let description: String

    /// An error with its message.
    public init(_ description: String) {
        self.description = description
    }
}
