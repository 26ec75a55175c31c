/// Accounts whose names stand side by side in the order of names: all, those whose names begin alike, or one.
///
/// What a query shows of some accounts is found by a range scan, so that it costs what these accounts cost, however many
/// others there are.
public struct NameRange: Hashable, Sendable {
    /// All accounts.
    public static let all = NameRange(beginning: "", isWhole: false)
    /// No account: none has an empty name.
    public static let none = NameRange(beginning: "", isWhole: true)

    /// What names begin with; no name of the range comes before it.
    let beginning: String
    private let isWhole: Bool

    private init(beginning: String, isWhole: Bool) {
        self.beginning = beginning
        self.isWhole = isWhole
    }

    /// The accounts whose names begin with a prefix.
    public static func prefix(_ prefix: String) -> NameRange { NameRange(beginning: prefix, isWhole: false) }

    /// One account.
    public static func one(_ name: String) -> NameRange { NameRange(beginning: name, isWhole: true) }

    /// Whether a name is in the range.
    public func contains(_ name: String) -> Bool {
        isWhole
            ? name.utf8.elementsEqual(beginning.utf8) : beginning.isEmpty || name.utf8.starts(with: beginning.utf8)
    }
}
