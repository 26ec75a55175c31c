internal import JSON

/// One figure that a service tells of itself: in `/readyz` under its name, and in `/metrics`.
public struct Figure: Hashable, Sendable {
    /// How a figure behaves over time.
    public enum Kind: String, Hashable, Sendable {
        /// It only grows, until the process ends.
        case counter
        /// It goes up and down.
        case gauge
    }

    /// Its name: lower-case letters and underscores.
    public let name: String
    /// What it says, in one line.
    public let help: String
    /// How it behaves over time.
    public let kind: Kind
    /// What it is of, where several figures share the name: `projection="accounts"`.
    public let label: (name: String, value: String)?
    /// Its value now.
    public let value: UInt64

    /// A figure with its value.
    public init(
        _ kind: Kind, _ name: String, _ value: UInt64, label: (name: String, value: String)? = nil, help: String
    ) {
        self.kind = kind
        self.name = name
        self.value = value
        self.label = label
        self.help = help
    }

    /// As a member of a JSON object.
    var member: JSONValue.Member {
        JSONValue.Member(name: name, value: .number(JSONNumber(Int64(clamping: value))))
    }

    /// Whether all parts agree.
    public static func == (left: Figure, right: Figure) -> Bool {
        left.kind == right.kind && left.name == right.name && left.value == right.value && left.help == right.help
            && left.label?.name == right.label?.name && left.label?.value == right.label?.value
    }

    /// Hashes what tells figures apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(label?.value)
        hasher.combine(value)
    }
}
