internal import Access

/// What protects HTTP: TLS, and which pages of other origins may use it.
extension CommonSettings {
    /// The certificate of a service; nil: it does not speak TLS.
    public static let tlsCertificate = tlsFile(
        "HTTP_TLS_CERTIFICATE",
        "the PEM file with the certificate for HTTP, and those up to its root behind it, or none")

    /// The key of that certificate.
    public static let tlsPrivateKey = tlsFile(
        "HTTP_TLS_PRIVATE_KEY",
        "the PEM file with the certificate's private key, or none; goes with HTTP_TLS_CERTIFICATE")

    /// Who signs the certificates that clients must show; nil: they need none.
    public static let tlsClientCA = tlsFile(
        "HTTP_TLS_CLIENT_CA", "the PEM file with the certificates of whoever signs those of HTTP clients, or none")

    /// Who signs the certificate of the query service; nil: it does not speak TLS.
    public static let queryCA = tlsFile(
        "QUERY_URL_CA",
        "the PEM file with the certificates of whoever signs the query service's, or none: it speaks no TLS")

    /// The origins whose pages a browser lets use the service.
    public static let corsOrigins = Setting(
        "HTTP_CORS_ORIGINS", default: "",
        help: "origins, separated by commas, whose pages may use the service from a browser, as https://bank.example"
    ) { text throws(SettingError) in try AllowedOrigins(settingText: text) }

    /// The settings of everybody who answers HTTP that say how it is protected.
    public static let ofHTTPSecurity: [SettingDescription] =
        [
            tlsCertificate.description, tlsPrivateKey.description, tlsClientCA.description, corsOrigins.description,
        ] + ofAccess

    /// Where what a service needs to speak TLS is, from the settings; nil if it does not.
    ///
    /// - Throws: ``SettingError`` if one of the settings is missing.
    public static func tlsFiles(_ settings: SettingsReader) throws(SettingError) -> TLSFiles? {
        let clientCA = try settings.value(tlsClientCA)
        switch (try settings.value(tlsCertificate), try settings.value(tlsPrivateKey)) {
        case (nil, nil):
            guard clientCA == nil else { throw missing(tlsCertificate.name, beside: tlsClientCA.name) }
            return nil
        case (let certificate?, let key?):
            return TLSFiles(certificate: certificate, privateKey: key, clientCA: clientCA)
        case (_?, nil): throw missing(tlsPrivateKey.name, beside: tlsCertificate.name)
        case (nil, _?): throw missing(tlsCertificate.name, beside: tlsPrivateKey.name)
        }
    }

    private static func missing(_ name: String, beside other: String) -> SettingError {
        SettingError("\(other) is set and \(name) is not: they go together")
    }

    private static func tlsFile(_ name: String, _ help: String) -> Setting<String?> {
        Setting(name, default: "none", help: help) { text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError("expected the path of a file, or none") }
            return text == "none" ? nil : try path(text)
        }
    }
}
