internal import Access
public import Logging

extension CommonSettings {
    /// What protects an HTTP server, from the settings: all files are read.
    ///
    /// - Parameters:
    ///   - address: where it listens.
    ///   - setting: the name of the setting that holds the address.
    ///   - service: the name of the service in the audit log.
    ///   - isRestricted: whether others than HTTP clients must prove who they are, so that there is an audit log.
    /// - Throws: ``SettingError`` if a setting or a file is wrong, or others can reach the server and nothing protects it;
    ///   ``ServiceFailure`` if the disk is full or fails: that may pass.
    public static func httpSecurity(
        _ settings: SettingsReader, at address: HTTPAddress, _ setting: String, service: String,
        isRestricted: Bool = false, logger: Logger
    ) async throws -> HTTPSecurity {
        let files = try tlsFiles(settings)
        let demands = try accessDemands(settings, certificates: files?.clientCA != nil)
        let exposure = try exposure(
            of: address, setting, hasTLS: files != nil, hasAccess: !demands.isNone,
            allowed: try settings.value(allowInsecure))
        for warning in exposure { logger.warning("not protected", metadata: ["reason": "\(warning)"]) }
        let access = try await accessControl(
            settings, certificates: demands.certificates, isRestricted: isRestricted, service: service, logger: logger)
        let audit = AccessAudit(access.audit)
        var security = HTTPSecurity(audit: audit)
        security.access = access
        security.rates = try settings.value(rateLimit).map(RequestRates.init)
        security.origins = try settings.value(corsOrigins)
        if let files {
            security.tls = try orWrongSetting {
                () throws(TLSError) in
                try ReloadedTLS.server(files, logger: logger) { audit.certificateChanged(files.certificate, $0) }
            }
        }
        security.warnings = { [tls = security.tls] in exposure + (tls?.warnings ?? []) + access.warnings }
        return security
    }

    /// What the gateway speaks TLS with the query service with, from the settings; nil: it does not.
    ///
    /// - Parameters:
    ///   - address: where the query service is.
    ///   - setting: the name of the setting that holds the address.
    ///   - showsCredentials: whether what clients show goes along with their queries.
    /// - Throws: ``SettingError`` if the files cannot be used, or credentials would cross a network that anybody can read.
    public static func queryTLS(
        _ settings: SettingsReader, at address: HTTPAddress, _ setting: String, showsCredentials: Bool, logger: Logger
    ) throws(SettingError) -> ReloadedTLS? {
        guard let path = try settings.value(queryCA) else {
            guard showsCredentials, !address.isLoopback else { return nil }
            let what = "\(setting) is \(address), and clients' credentials would go there without TLS"
            guard try settings.value(allowInsecure) else {
                throw SettingError("\(what): that needs \(queryCA.name) (or \(allowInsecure.name)=yes)")
            }
            logger.warning("not protected", metadata: ["reason": "\(what): \(allowInsecure.name) is yes"])
            return nil
        }
        let own = try tlsFiles(settings)
        return try orWrongSetting {
            () throws(TLSError) in try ReloadedTLS.client(trusting: path, showing: own, logger: logger)
        }
    }

    /// What an operator should know of an address that other machines can reach.
    ///
    /// - Throws: ``SettingError`` if something is missing that would protect it, and that is not allowed.
    static func exposure(
        of address: HTTPAddress, _ setting: String, hasTLS: Bool, hasAccess: Bool, allowed: Bool
    ) throws(SettingError) -> [String] {
        guard !address.isLoopback else { return [] }
        var missing: [String] = []
        if !hasTLS { missing.append("\(tlsCertificate.name) and \(tlsPrivateKey.name)") }
        if !hasAccess { missing.append("one of \(accessTokens.name), \(accessKeys.name) and \(tlsClientCA.name)") }
        guard !missing.isEmpty else { return [] }
        let needed = missing.joined(separator: ", and ")
        guard allowed else {
            throw SettingError(
                "\(setting) is \(address), which other machines can reach: that needs \(needed) "
                    + "(or \(allowInsecure.name)=yes)")
        }
        return [
            "\(setting) is \(address), which other machines can reach, without \(needed): \(allowInsecure.name) is yes"
        ]
    }

    private static func orWrongSetting<Value>(_ body: () throws(TLSError) -> Value) throws(SettingError) -> Value {
        do throws(TLSError) { return try body() } catch { throw SettingError("\(error)") }
    }
}
