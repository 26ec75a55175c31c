internal import CPostgreSQL
internal import EventSourcing
internal import EventStoreRules

/// A connection string of libpq, URI or keywords, with what Daybook needs set if the string says nothing of it.
///
/// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
struct ConnectionString: Sendable {
    /// What the string does not say: the timeouts for a server that does not answer, and that of several hosts the
    /// one is used that takes writes.
    private static let defaults = [
        ("target_session_attrs", "read-write"), ("connect_timeout", "3"), ("tcp_user_timeout", "5000"),
        ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
    ]
    /// What the string may not change, since values are read and written in these forms.
    private static let fixed = [("client_encoding", "UTF8"), ("fallback_application_name", "daybook")]
    /// The keywords that have a value for each host.
    private static let ofEachHost = ["host", "hostaddr", "port"]

    /// The keywords of libpq and their values.
    let keywords: [(name: String, value: String)]
    /// Hosts, port and database for messages: never a password. Of a URI, nothing that libpq made of it: a slash in a password
    /// would make it take the user for a host.
    let place: String

    /// Reads a string.
    ///
    /// - Throws: `cannotOpen` if libpq cannot, or reads it otherwise than it must be meant. The text is not repeated: it may
    ///   hold a password.
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
        let isURI = text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
        guard !isURI || !Self.hasUnescaped(text) && !Self.hasRestOfPassword(value("host")), Self.arePorts(value("port"))
        else {
            throw PostgreSQLEventStoreError(
                .cannotOpen,
                "the connection string of PostgreSQL cannot be read as it must be meant: write / as %2F and @ as "
                    + "%40 in the user and the password, and each port as a number from 1 to 65535")
        }
        place =
            isURI
            ? StoreAddress.postgresql(text).description.printable
            : Self.place(
                host: value("host") ?? value("hostaddr"), port: value("port"),
                database: value("dbname") ?? value("user"))
        let changeable = given.filter { option in !Self.fixed.contains { $0.0 == option.name } }
        let missing = Self.defaults.filter { value($0.0) == nil }
        keywords = changeable + missing.map { ($0.0, $0.1) } + Self.fixed.map { ($0.0, $0.1) }
    }

    /// The keywords for each host by itself. One port stands for all hosts; lists of other lengths are libpq's to refuse.
    var hosts: [[(name: String, value: String)]] {
        let lists = keywords.filter { Self.ofEachHost.contains($0.name) }.map { keyword in
            (name: keyword.name, values: keyword.value.split(separator: ",", omittingEmptySubsequences: false))
        }
        let count = lists.map(\.values.count).max() ?? 1
        guard count > 1, lists.allSatisfy({ $0.values.count == count || $0.name == "port" && $0.values.count == 1 })
        else { return [keywords] }
        let others = keywords.filter { !Self.ofEachHost.contains($0.name) }
        return (0..<count).map { index in
            others + lists.map { ($0.name, String($0.values[$0.values.count == 1 ? 0 : index])) }
        }
    }

    /// How long a host may take until the connection stands.
    var connectTimeout: Duration {
        let seconds = keywords.last { $0.name == "connect_timeout" }.flatMap { Int64($0.value) } ?? 0
        // What libpq takes for no limit.
        return .seconds(seconds > 0 ? min(seconds, 3600) : 3600)
    }

    /// Whether a user or a password has an @ or a slash in it that stands for itself: libpq ends it there.
    private static func hasUnescaped(_ text: String) -> Bool {
        let rest = text[(text.firstRange(of: "://")?.upperBound ?? text.startIndex)...].prefix { $0 != "?" }
        guard let last = rest.lastIndex(of: "@") else { return false }
        return rest[..<last].contains { $0 == "@" || $0 == "/" }
    }

    /// Whether hosts have an @, other than for an abstract socket.
    private static func hasRestOfPassword(_ hosts: String?) -> Bool {
        hosts?.split(separator: ",").contains { $0.dropFirst().contains("@") } == true
    }

    /// Whether a list of ports is one.
    private static func arePorts(_ list: String?) -> Bool {
        guard let list else { return true }
        // Nothing stands for the default.
        return list.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { port in
            port.isEmpty || Int(port).map { 1...65535 ~= $0 } == true
        }
    }

    private static func place(host: String?, port: String?, database: String?) -> String {
        var text = "postgresql://\(host ?? "")"
        if let port { text += ":\(port)" }
        if let database { text += "/\(database)" }
        return text.printable
    }
}
