internal import EventLogProtocol
internal import SecureFiles
public import ZeroMQ

/// The keys of the log and its peers.
extension CommonSettings {
    /// The file with the log's own secret key; nil: its sockets demand no keys.
    public static let logSecretKey = optionalFile(
        "EVENT_LOG_SECRET_KEY",
        "the file with the event log's secret key (daybook keys new), or none; goes with EVENT_LOG_PEERS")

    /// The file that names the log's peers.
    public static let logPeers = optionalFile(
        "EVENT_LOG_PEERS", "the file that names the event log's peers and their roles (daybook keys allow), or none")

    /// The log's public key, as its peers know it; nil: it demands none of theirs.
    public static let logPublicKey = Setting(
        "EVENT_LOG_PUBLIC_KEY", default: "none",
        help: "the event log's public key (40 characters of Z85), or none; goes with PEER_SECRET_KEY"
    ) { text throws(SettingError) -> CurvePublicKey? in
        if text == "none" { return nil }
        guard let key = CurvePublicKey(text) else {
            throw SettingError("expected a key of 40 characters of Z85, or none")
        }
        return key
    }

    /// The file with a peer's own secret key.
    public static let peerSecretKey = optionalFile(
        "PEER_SECRET_KEY",
        "the file with this peer's secret key (daybook keys new), or none; goes with EVENT_LOG_PUBLIC_KEY")

    /// The settings of the log that say who its peers are.
    public static let ofLogSecurity = [logSecretKey.description, logPeers.description]

    /// How a peer proves itself to the log, from the settings.
    ///
    /// - Throws: ``SettingError`` if one of both settings is missing, or the file holds no secret key.
    public static func peerSecurity(_ settings: SettingsReader) throws(SettingError) -> SocketSecurity {
        switch (try settings.value(logPublicKey), try settings.value(peerSecretKey)) {
        case (nil, nil): .none
        case (let key?, let path?): .curveClient(try secretKey(at: path, peerSecretKey.name), server: key)
        case (_?, nil): throw missing(peerSecretKey.name, beside: logPublicKey.name)
        case (nil, _?): throw missing(logPublicKey.name, beside: peerSecretKey.name)
        }
    }

    /// The log's secret key and the file that names its peers, from the settings; nil if it demands no keys.
    ///
    /// - Throws: ``SettingError`` if one of both settings is missing, or the file holds no secret key.
    public static func logSecurity(
        _ settings: SettingsReader
    ) throws(SettingError) -> (secret: CurveSecretKey, peers: String)? {
        switch (try settings.value(logSecretKey), try settings.value(logPeers)) {
        case (nil, nil): nil
        case (let path?, let peers?): (try secretKey(at: path, logSecretKey.name), peers)
        case (_?, nil): throw missing(logPeers.name, beside: logSecretKey.name)
        case (nil, _?): throw missing(logSecretKey.name, beside: logPeers.name)
        }
    }

    /// Refuses endpoints that other machines can reach unless the log demands keys, or ``allowInsecure`` says yes.
    ///
    /// - Returns: what is to be warned of.
    public static func warnings(
        of endpoints: [Setting<String>], demandingKeys: Bool, _ settings: SettingsReader
    ) throws(SettingError) -> [String] {
        guard !demandingKeys else { return [] }
        var exposed: [String] = []
        for setting in endpoints {
            let endpoint = try settings.value(setting)
            if !LogEndpoint.isLocal(endpoint) { exposed.append("\(setting.name) is \(endpoint)") }
        }
        guard let first = exposed.first else { return [] }
        guard try settings.value(allowInsecure) else {
            throw SettingError(
                "\(first), which other machines can reach: that needs \(logSecretKey.name) and \(logPeers.name)")
        }
        return exposed.map {
            "\($0), and whoever can reach that can use it without a key: \(allowInsecure.name) is yes"
        }
    }

    private static func secretKey(at path: String, _ name: String) throws(SettingError) -> CurveSecretKey {
        do throws(SecureFileError) {
            return try CurveKeyFile.load(path)
        } catch {
            throw SettingError("\(name): \(error)")
        }
    }

    private static func missing(_ name: String, beside other: String) -> SettingError {
        SettingError("\(other) is set and \(name) is not: they go together")
    }

    private static func optionalFile(_ name: String, _ help: String) -> Setting<String?> {
        Setting(name, default: "none", help: help) { text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError("expected the path of a file, or none") }
            return text == "none" ? nil : try path(text)
        }
    }
}
