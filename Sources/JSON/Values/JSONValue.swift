/// A JSON value, with its members in the order in which they were written and its numbers as they were written.
public enum JSONValue: Hashable, Sendable {
    /// A member of an object.
    public struct Member: Hashable, Sendable {
        /// The name, escapes resolved.
        public let name: String
        /// The value.
        public let value: JSONValue

        /// A member from its name and value.
        public init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Members in order, each name once.
    case object([Member])
    /// Elements in order.
    case array([JSONValue])
    /// Text, escapes resolved.
    case string(String)
    /// A number as it was written.
    case number(JSONNumber)
    /// `true` or `false`.
    case bool(Bool)
    /// `null`.
    case null

    /// What kind of value it is.
    public var kind: JSONKind {
        switch self {
        case .object: .object
        case .array: .array
        case .string: .string
        case .number: .number
        case .bool: .bool
        case .null: .null
        }
    }
}
