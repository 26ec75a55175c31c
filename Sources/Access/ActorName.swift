/// The names that callers have: 1 to 128 visible ASCII characters, so that they can stand in a log, a table and a header.
public enum ActorName {
    /// The most characters of a name.
    public static let maxLength = 128

    /// Whether a text may be the name of an actor.
    public static func isValid(_ text: String) -> Bool {
        (1...maxLength).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
