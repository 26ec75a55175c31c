/// Where a log is kept: `sqlite:PATH`, or `postgresql://…`, any of libpq's connection strings.
public enum StoreAddress: Hashable, Sendable, CustomStringConvertible {
    /// A file of SQLite's.
    case sqlite(path: String)
    /// A database of PostgreSQL's: libpq's URI, also with several hosts. It may hold a password.
    case postgresql(String)

    /// Reads an address; nil: it is none.
    public init?(_ text: String) {
        if text.hasPrefix("sqlite:") {
            let path = String(text.dropFirst("sqlite:".count))
            guard !path.isEmpty else { return nil }
            self = .sqlite(path: path)
        } else if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
            self = .postgresql(text)
        } else {
            return nil
        }
    }

    /// Whether a server keeps the log, which may be far away, and which several programs may reach.
    public var isOfServer: Bool {
        switch self {
        case .sqlite: false
        case .postgresql: true
        }
    }

    /// The address for people: nothing of a user, a password or options.
    public var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgresql(let text): "postgresql://\(Self.hostsAndDatabase(of: text))"
        }
    }

    /// A password may have a slash, an @ or a question mark that is not written as it should be. So nothing before the last @ is
    /// shown, and nothing at all if one follows a question mark, where options begin.
    private static func hostsAndDatabase(of text: String) -> Substring {
        let rest = text[(text.firstRange(of: "://")?.upperBound ?? text.startIndex)...]
        let options = rest.firstIndex(of: "?") ?? rest.endIndex
        guard !rest[options...].contains("@") else { return "…" }
        let named = rest[..<options]
        return named.lastIndex(of: "@").map { named[named.index(after: $0)...] } ?? named
    }
}
