internal import CPostgreSQL
internal import EventStoreRules

/// A connection string of libpq, URI or keywords, with what Daybook needs set if the string says nothing of it.
///
/// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
struct ConnectionString: Sendable {
    /// What the string does not say: how soon a server that does not answer is given up, and that of several hosts the
    /// one is used that takes writes.
    private static let defaults = [
        ("target_session_attrs", "read-write"), ("connect_timeout", "3"), ("tcp_user_timeout", "5000"),
        ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
    ]
    /// What the string may not change, since values are read and written in these forms.
    private static let fixed = [("client_encoding", "UTF8"), ("fallback_application_name", "daybook")]

    /// The keywords of libpq and their values.
    let keywords: [(name: String, value: String)]
    /// Hosts, port and database for messages: never a password.
    let place: String

    /// Reads a string.
    ///
    /// - Throws: `cannotOpen` if libpq cannot. The text is not repeated: it may hold a password.
    init(_ text: String) throws(PostgreSQLEventStoreError) {
        guard !text.utf8.contains(0), let options = PQconninfoParse(text, nil) else {
            throw PostgreSQLEventStoreError(
                .cannotOpen,
                "the connection string of PostgreSQL cannot be read; write postgresql://USER@HOST:PORT/DATABASE")
        }
        defer { PQconninfoFree(options) }
        var given: [(name: String, value: String)] = []
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val { given.append((String(cString: name), String(cString: value))) }
            option += 1
        }
        func value(_ name: String) -> String? { given.last { $0.name == name }?.value }
        place = Self.place(
            host: value("host") ?? value("hostaddr"), port: value("port"), database: value("dbname") ?? value("user"))
        let changeable = given.filter { option in !Self.fixed.contains { $0.0 == option.name } }
        let missing = Self.defaults.filter { value($0.0) == nil }
        keywords = changeable + missing.map { ($0.0, $0.1) } + Self.fixed.map { ($0.0, $0.1) }
    }

    private static func place(host: String?, port: String?, database: String?) -> String {
        var text = "postgresql://\(host ?? "")"
        if let port { text += ":\(port)" }
        if let database { text += "/\(database)" }
        return text.printable
    }
}
