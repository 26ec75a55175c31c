public import EventSourcing

extension Account {
    /// The rule of account ids, for messages.
    public static let idRule = "1 to 128 characters of A-Z a-z 0-9 . _ ~ -, and neither . nor .."

    /// The stream of the account with an id; nil if no account can have it.
    ///
    /// `.` and `..` are refused: as the last segment of a URL's path they mean another path (RFC 3986, section 3.3), so
    /// such an account could be opened and never be reached.
    public static func stream(of id: String) -> StreamID? {
        id == "." || id == ".." ? nil : StreamID(category: category, name: id)
    }
}
