public import Access
public import Logging

/// The settings that say who may do what.
extension CommonSettings {
    /// The file of tokens; nil: there is none.
    public static let accessTokens = accessFile(
        "ACCESS_TOKENS", help: "the file of tokens that HTTP clients may show, made by daybook token new, or none")

    /// The keys of an issuer of JSON Web Tokens; nil: there are none.
    public static let accessKeys = accessFile(
        "ACCESS_JWKS", help: "a JWK Set: the keys of the JSON Web Tokens that HTTP clients may show, or none")

    /// What the tokens' `iss` must be; nil: not given.
    public static let accessIssuer = accessText(
        "ACCESS_ISSUER", help: "who makes those tokens: what their iss must be, or none")

    /// What the tokens' `aud` must be or contain; nil: not given.
    public static let accessAudience = accessText(
        "ACCESS_AUDIENCE", help: "whom those tokens are for: what their aud must contain, or none")

    /// How many requests of one actor, or address, are answered; nil: there is no limit.
    public static let rateLimit = Setting(
        "HTTP_RATE_LIMIT", default: "none",
        help: "requests a second of one actor, or of one address without an actor, such as 200/s, or none"
    ) { text throws(SettingError) -> Rate? in
        if text == "none" { return nil }
        guard let rate = Rate(text) else { throw SettingError("expected a rate from 1/s to \(Rate.max)/s, or none") }
        return rate
    }

    /// Whether sockets may be reached by others without what protects them.
    public static let allowInsecure = Setting(
        "ALLOW_INSECURE", default: "no",
        help: "yes: listen beyond this machine without TLS, tokens or keys, with a warning; or no"
    ) { text throws(SettingError) in
        switch text {
        case "yes": return true
        case "no": return false
        default: throw SettingError("expected yes or no")
        }
    }

    /// Where the audit log is written.
    public enum AuditLogPlace: Hashable, Sendable {
        /// `data/audit.jsonl` if callers must prove who they are; else nowhere.
        case automatic
        /// Nowhere: what happens is counted only.
        case none
        /// In a file.
        case file(String)
    }

    /// Where the audit log is written.
    public static let auditLog = Setting(
        "AUDIT_LOG", default: "auto",
        help: "the file for refused requests and changed keys, or none; auto: data/audit.jsonl if access is restricted"
    ) { text throws(SettingError) -> AuditLogPlace in
        switch text {
        case "auto": return .automatic
        case "none": return .none
        case "": throw SettingError("expected the path of a file, auto or none")
        default: return .file(try SettingPath.expanded(text))
        }
    }

    /// The settings of every service that says who may do what over HTTP.
    public static let ofAccess: [SettingDescription] = [
        accessTokens.description, accessKeys.description, accessIssuer.description, accessAudience.description,
        rateLimit.description, allowInsecure.description, auditLog.description,
    ]

    /// What callers must prove themselves by, from the settings.
    ///
    /// - Parameter certificates: whether connections must prove a certificate.
    public static func accessDemands(
        _ settings: SettingsReader, certificates: Bool
    ) throws(SettingError) -> AccessDemands {
        let keys = try settings.value(accessKeys)
        let issuer = try settings.value(accessIssuer)
        let audience = try settings.value(accessAudience)
        var webTokens: AccessDemands.WebTokens?
        if let keys, let issuer, let audience {
            webTokens = AccessDemands.WebTokens(keys: keys, issuer: issuer, audience: audience)
        } else if keys != nil || issuer != nil || audience != nil {
            let missing = [
                (accessKeys.name, keys), (accessIssuer.name, issuer), (accessAudience.name, audience),
            ].filter { $0.1 == nil }.map(\.0)
            throw SettingError(
                "JSON Web Tokens need ACCESS_JWKS, ACCESS_ISSUER and ACCESS_AUDIENCE together; missing: "
                    + missing.joined(separator: ", "))
        }
        return AccessDemands(
            tokens: try settings.value(accessTokens), webTokens: webTokens, certificates: certificates)
    }

    /// The audit log of a service, from the settings; its file is opened.
    ///
    /// - Parameter isRestricted: whether callers, or peers, must prove who they are.
    /// - Throws: ``SettingError``, or ``ServiceFailure`` if the disk is full or fails: that may pass.
    public static func auditLog(
        _ settings: SettingsReader, isRestricted: Bool, service: String, logger: Logger
    ) throws -> AuditLog {
        let path: String? =
            switch try settings.value(auditLog) {
            case .automatic: isRestricted ? "data/audit.jsonl" : nil
            case .none: nil
            case .file(let path): path
            }
        let log = AuditLog(path, service: service, logger: logger)
        do throws(AccessError) {
            try log.open()
        } catch {
            throw failure(error, of: auditLog.name)
        }
        return log
    }

    /// Who has access over HTTP, from the settings: all files are read.
    ///
    /// - Parameters:
    ///   - certificates: whether connections must prove a certificate.
    ///   - isRestricted: whether others than HTTP clients must prove who they are, so that there is an audit log.
    ///   - service: the name of the service in the audit log.
    /// - Throws: ``SettingError``, or ``ServiceFailure`` if the disk fails: that may pass.
    public static func accessControl(
        _ settings: SettingsReader, certificates: Bool, isRestricted: Bool = false, service: String, logger: Logger
    ) async throws -> AccessControl {
        let demands = try accessDemands(settings, certificates: certificates)
        let audit = try auditLog(
            settings, isRestricted: isRestricted || !demands.isNone, service: service, logger: logger)
        do throws(AccessError) {
            return try await AccessControl(demands, audit: audit, logger: logger)
        } catch {
            throw failure(error, of: nil)
        }
    }

    private static func failure(_ error: AccessError, of setting: String?) -> any Error {
        let text = (setting.map { "\($0): " } ?? "") + "\(error)"
        return error.mayPass ? ServiceFailure(text) : SettingError(text)
    }

    private static func accessFile(_ name: String, help: String) -> Setting<String?> {
        Setting(name, default: "none", help: help) { text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError("expected the path of a file, or none") }
            return text == "none" ? nil : try SettingPath.expanded(text)
        }
    }

    private static func accessText(_ name: String, help: String) -> Setting<String?> {
        Setting(name, default: "none", help: help) { text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError("expected a text, or none") }
            return text == "none" ? nil : text
        }
    }
}
