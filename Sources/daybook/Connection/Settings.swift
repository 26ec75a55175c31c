internal import ArgumentParser
internal import EventLogProtocol
internal import EventSourcing
internal import FoundationEssentials
internal import Glibc
internal import ServiceSupport

/// The settings that a command needs, from flags, environment, `.env` and defaults, as the services find them.
struct Settings {
    private static let commandAddress = CommonSettings.httpAddress(
        "COMMAND_HTTP_ADDRESS", default: "127.0.0.1:8080", help: "where the command service listens")
    private static let queryAddress = CommonSettings.httpAddress(
        "QUERY_HTTP_ADDRESS", default: "127.0.0.1:8081", help: "where the query service listens")
    private static let logAddress = CommonSettings.httpAddress(
        "EVENT_LOG_HTTP_ADDRESS", default: "127.0.0.1:8082", help: "where the event-log service tells of its health")

    private static let authority = file(
        "DAYBOOK_CA",
        "the authority (PEM) that signed the certificates of the services, which are asked over TLS then; or none")
    private static let token = file(
        "DAYBOOK_TOKEN_FILE", "the file with the token that is shown to the services, for its owner alone; or none")

    private static let certificate = file(
        "DAYBOOK_CERTIFICATE", "the certificate (PEM) that is shown to services that want one, or none")
    private static let privateKey = file(
        "DAYBOOK_PRIVATE_KEY", "the file with its private key (PEM), for its owner alone; or none")
    /// The token itself. It is neither a flag nor a line of `.env`, which others may read.
    private static let tokenVariable = "DAYBOOK_TOKEN"

    private let reader: SettingsReader

    /// - Parameter flags: the values of the command's flags, by their names without dashes; nil: not given.
    init(_ flags: [(name: String, value: String?)]) async throws {
        reader = try reported {
            try SettingsReader(
                known: [
                    Self.commandAddress.description, Self.queryAddress.description, Self.logAddress.description,
                    Self.authority.description, Self.token.description, Self.certificate.description,
                    Self.privateKey.description, CommonSettings.accessTokens.description,
                    CommonSettings.eventStore.description,
                    CommonSettings.snapshotKey.description, CommonSettings.logPeers.description,
                ] + CommonSettings.ofLogClients,
                // In one word, so that no value is taken for a flag.
                arguments: flags.flatMap { flag in flag.value.map { ["--\(flag.name)=\($0)"] } ?? [] },
                environment: ProcessInfo.processInfo.environment)
        }
    }

    private static func file(_ name: String, _ help: String) -> Setting<String?> {
        Setting(name, default: "none", help: help) { text throws(SettingError) in
            text == "none" || text.isEmpty ? nil : try CommonSettings.path(text)
        }
    }

    /// How the services are known, and this program to them.
    var access: ServiceAccess {
        get throws {
            try reported {
                let variable = ProcessInfo.processInfo.environment[Self.tokenVariable] ?? ""
                let token =
                    variable.isEmpty
                    ? try reader.value(Self.token).map { path throws(SettingError) in
                        try ServiceAccess.token(at: path)
                    } : try ServiceAccess.token(variable, from: "the environment variable \(Self.tokenVariable)")
                return try ServiceAccess(
                    authority: try reader.value(Self.authority), token: token,
                    certificate: try reader.value(Self.certificate), privateKey: try reader.value(Self.privateKey))
            }
        }
    }

    var command: HTTPAddress { get throws { try reported { try reader.value(Self.commandAddress) } } }
    var query: HTTPAddress { get throws { try reported { try reader.value(Self.queryAddress) } } }
    var logHealth: HTTPAddress { get throws { try reported { try reader.value(Self.logAddress) } } }
    var log: EventLogAddress { get throws { try reported { try CommonSettings.logAddress(reader) } } }

    /// The key that the services sign snapshots with; nil if there is none here.
    var snapshotKey: SnapshotKey? {
        get throws {
            try reported {
                guard let path = try reader.value(CommonSettings.snapshotKey) else { return nil }
                do throws(SnapshotKeyError) {
                    return try SnapshotKeyFile.load(path)
                } catch {
                    throw SettingError("\(CommonSettings.snapshotKey.name): \(error)")
                }
            }
        }
    }

    /// The path of the file that names the log's peers; nil if there is none.
    var logPeers: String? { get throws { try reported { try reader.value(CommonSettings.logPeers) } } }

    /// The path of the file of tokens.
    var tokens: String {
        get throws {
            try reported {
                guard let path = try reader.value(CommonSettings.accessTokens) else {
                    throw SettingError("there is no file of tokens: give --tokens, or set ACCESS_TOKENS")
                }
                return path
            }
        }
    }

    /// Where the log is kept.
    var store: StoreAddress { get throws { try reported { try reader.value(CommonSettings.eventStore) } } }
}

/// A wrong setting ends the program with one line and the exit code for wrong usage.
private func reported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as SettingError {
        Terminal.tell("daybook: wrong setting: \(error)")
        throw ExitCode(EX_USAGE)
    }
}
