/// The kinds of JSON values, as seen from their first byte.
public enum JSONKind: Hashable, Sendable, CustomStringConvertible {
    /// `{…}`
    case object
    /// `[…]`
    case array
    /// `"…"`
    case string
    /// `-12.5e3`
    case number
    /// `true` or `false`
    case bool
    /// `null`
    case null

    /// The kind with its article, as it stands in a sentence: `an object`, `null`.
    public var description: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}
