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
        SettingDescription(name: name, defaultText: defaultText, help: help) { [parse] text throws(SettingError) in
            _ = try parse(text)
        }
    }
}

/// What `--help` tells of a setting, and whether a text is right for it.
public struct SettingDescription: Hashable, Sendable {
    /// The environment variable.
    public let name: String
    /// The text that stands where none is given.
    public let defaultText: String
    /// What it is for.
    public let help: String

    /// Throws what is wrong with a text.
    let check: @Sendable (String) throws(SettingError) -> Void

    /// The flag: `--event-store` for `EVENT_STORE`.
    public var flag: String { "--" + name.lowercased().replacing("_", with: "-") }

    /// Whether they describe the same setting.
    public static func == (left: Self, right: Self) -> Bool {
        (left.name, left.defaultText, left.help) == (right.name, right.defaultText, right.help)
    }

    /// Hashes what is compared.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(defaultText)
        hasher.combine(help)
    }
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
