internal import EventLogProtocol
public import EventSourcing
public import Logging

/// The settings that more than one service has, and the ways in which texts of settings are read.
public enum CommonSettings {
    /// Where events are kept. A database's address may hold a password: show its description only.
    public static let eventStore = Setting(
        "EVENT_STORE", default: "sqlite:data/daybook.db",
        help: "where events are kept: sqlite:PATH or postgresql://…, with whatever libpq takes there"
    ) { text throws(SettingError) -> StoreAddress in
        switch StoreAddress(text) {
        case .sqlite(let file): return .sqlite(path: try path(file))
        case .postgresql(let string): return .postgresql(string)
        case nil: throw SettingError("expected sqlite:PATH or postgresql://…")
        }
    }

    /// How much is logged.
    public static let logLevel = Setting(
        "LOG_LEVEL", default: "info", help: "trace, debug, info, notice, warning, error or critical"
    ) { text throws(SettingError) in
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            throw SettingError("expected trace, debug, info, notice, warning, error or critical")
        }
        return level
    }

    /// How long a request to the log waits for its reply.
    public static let logTimeout = duration(
        "EVENT_LOG_TIMEOUT", default: "5s", help: "how long a request to the event log waits for its reply")

    /// The file with the key under which snapshots are signed; nil: there is none.
    public static let snapshotKey = Setting(
        "SNAPSHOT_KEY", default: "data/snapshot.key",
        help: "the file with the key that signs snapshots, made if it is missing and shared by the services, or none"
    ) { text throws(SettingError) in
        guard !text.isEmpty else { throw SettingError("expected the path of a file, or none") }
        return text == "none" ? nil : try SettingPath.expanded(text)
    }

    /// The key under which snapshots are signed, from the settings: without a file, one of this process alone.
    ///
    /// - Throws: ``SettingError``, or ``ServiceFailure`` if the disk is full or fails: that may pass.
    public static func snapshotKey(_ settings: SettingsReader) throws -> SnapshotKey {
        guard let path = try settings.value(snapshotKey) else { return .ofThisProcess() }
        do throws(SnapshotKeyError) {
            return try SnapshotKeyFile.loadOrMake(path)
        } catch {
            if error.mayPass { throw ServiceFailure("\(snapshotKey.name): \(error)") }
            throw SettingError("\(snapshotKey.name): \(error)")
        }
    }

    /// How many HTTP clients may be connected with a service at once.
    public static let httpConnections = count(
        "HTTP_CONNECTIONS", default: "10000", in: 1...1_000_000,
        help: "the most HTTP clients connected at once; others may only ask for health")

    /// How many of them may come from one address.
    public static let httpConnectionsPerAddress = Setting(
        "HTTP_CONNECTIONS_PER_ADDRESS", default: "half",
        help: "the most HTTP clients connected at once from one address; half: half of HTTP_CONNECTIONS"
    ) { text throws(SettingError) -> Int? in
        if text == "half" { return nil }
        guard let count = Int(text), (1...1_000_000).contains(count) else {
            throw SettingError("expected a whole number from 1 to 1000000, or half")
        }
        return count
    }

    /// What `Host` may be beside the listener's own addresses and `localhost`.
    public static let allowedHosts = Setting(
        "HTTP_ALLOWED_HOSTS", default: "",
        help: "names, separated by commas, under which HTTP clients may ask beside the addresses of the service"
    ) { text throws(SettingError) in
        var names: [String] = []
        for part in text.split(separator: ",") {
            let name = part.filter { $0 != " " }
            guard let authority = Authority(name), authority.port == nil, !authority.host.isEmpty else {
                throw SettingError("expected names or addresses without ports, separated by commas")
            }
            names.append(authority.host)
        }
        return names
    }

    /// The settings of everybody who answers HTTP.
    public static let ofHTTP: [SettingDescription] =
        [
            httpConnections.description, httpConnectionsPerAddress.description, allowedHosts.description,
        ] + ofHTTPSecurity

    /// How many HTTP clients there may be, from the settings.
    public static func connectionLimits(_ settings: SettingsReader) throws(SettingError) -> ConnectionLimits {
        ConnectionLimits(
            connections: try settings.value(httpConnections),
            connectionsPerAddress: try settings.value(httpConnectionsPerAddress))
    }

    /// The path that a setting's text names, its `~` replaced by the home folder.
    public static func path(_ text: String) throws(SettingError) -> String { try SettingPath.expanded(text) }

    /// A setting that holds the address of an HTTP service.
    public static func httpAddress(_ name: String, default text: String, help: String) -> Setting<HTTPAddress> {
        Setting(name, default: text, help: help) { text throws(SettingError) in
            guard let address = HTTPAddress(text) else {
                throw SettingError(
                    text.contains("://")
                        ? "expected HOST:PORT alone, without a scheme such as http://"
                        : "expected HOST:PORT with a port of 0 to 65535, an IPv6 address in brackets")
            }
            return address
        }
    }

    /// A setting that holds a time: a whole number followed by `ms` or `s`, more than zero.
    public static func duration(_ name: String, default text: String, help: String) -> Setting<Duration> {
        Setting(name, default: text, help: help) { text throws(SettingError) in
            guard let duration = Duration(settingText: text), duration > .zero else {
                throw SettingError("expected a time such as 500ms or 5s")
            }
            return duration
        }
    }

    /// A setting that holds a whole number within bounds.
    public static func count(
        _ name: String, default text: String, in bounds: ClosedRange<Int>, help: String
    ) -> Setting<Int> {
        Setting(name, default: text, help: help) { text throws(SettingError) in
            guard let count = Int(text), bounds.contains(count) else {
                throw SettingError("expected a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            return count
        }
    }
}
