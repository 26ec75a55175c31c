internal import Access
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import SecureFiles
internal import ServiceSupport
internal import Synchronization

/// How the tool knows the services that it asks over HTTP, and how they know it.
struct ServiceAccess: Sendable {
    /// The most bytes of a token's file: a JSON Web Token fits.
    private static let maxTokenBytes = 16 << 10
    /// The most bytes of a file with certificates or a key.
    private static let maxCertificateBytes = 1 << 20
    /// They live as long as the program, so that none has to be shut down; there is one, since the settings are the same.
    private static let clients = Mutex<[String?: HTTPClient]>([:])

    /// The file with the authority that signed the services' certificates; nil: they are asked without TLS.
    private let authority: String?
    /// The value of `Authorization`; nil: nothing is shown.
    private let authorization: String?

    /// What is shown to services that want a certificate, and its key.
    private let identity: (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey)?

    /// Reads the files.
    ///
    /// - Parameter token: what is shown as a bearer token; nil: nothing.
    /// - Throws: ``SettingError`` if one cannot be read, or others may read the private key.
    init(authority: String?, token: String?, certificate: String?, privateKey: String?) throws(SettingError) {
        if let authority { _ = try Self.certificates(at: authority) }
        self.authority = authority
        authorization = token.map { "Bearer \($0)" }
        switch (certificate, privateKey) {
        case (nil, nil): identity = nil
        case (let certificate?, let privateKey?):
            identity = (try Self.certificates(at: certificate), try Self.privateKey(at: privateKey))
        default: throw SettingError("DAYBOOK_CERTIFICATE and DAYBOOK_PRIVATE_KEY go together")
        }
    }

    /// Whether a token is shown to services.
    var showsToken: Bool { authorization != nil }

    /// The token in a file of one line.
    static func token(at path: String) throws(SettingError) -> String {
        let bytes = try bytes(at: path, maxTokenBytes, demanding: .secret)
        let text = bytes.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        return try token(String(decoding: text, as: UTF8.self), from: "the file \(path)")
    }

    /// A token that may be sent; an error does not repeat it.
    static func token(_ text: String, from source: String) throws(SettingError) -> String {
        guard BearerToken(["Bearer \(text)"]) == .present(text) else {
            throw SettingError("\(source) holds no token")
        }
        return text
    }

    private static func certificates(at path: String) throws(SettingError) -> [NIOSSLCertificate] {
        let bytes = try bytes(at: path, maxCertificateBytes, demanding: .anybody)
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !certificates.isEmpty { return certificates }
        } catch {
            // It is said below: what the library says of itself is of no use.
        }
        throw SettingError("there is no certificate in \(path)")
    }

    private static func privateKey(at path: String) throws(SettingError) -> NIOSSLPrivateKey {
        let bytes = try bytes(at: path, maxCertificateBytes, demanding: .secret)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw SettingError("there is no private key without a password in \(path)")
        }
    }

    private static func bytes(
        at path: String, _ maxBytes: Int, demanding demand: SecureFile.Demand
    ) throws(SettingError) -> [UInt8] {
        do throws(SecureFileError) {
            return try SecureFile.read(path, maxBytes: maxBytes, demanding: demand).bytes
        } catch {
            throw SettingError("\(error)")
        }
    }

    /// A request to a service.
    ///
    /// - Throws: ``SettingError`` if it would show a token to whoever is on the way.
    func request(_ address: HTTPAddress, _ path: String) throws(SettingError) -> HTTPClientRequest {
        if authorization != nil, authority == nil, !address.isLoopback {
            throw SettingError("a token is not sent to \(address) without TLS: set DAYBOOK_CA")
        }
        var request = HTTPClientRequest(url: "\(authority == nil ? "http" : "https")://\(address)\(path)")
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        return request
    }

    /// What sends them. An address where nobody listens is told at once, not tried again.
    var client: HTTPClient {
        Self.clients.withLock { clients in
            if let client = clients[authority] { return client }
            var configuration = HTTPClient.Configuration()
            configuration.timeout = .init(connect: .seconds(3))
            configuration.connectionPool.retryConnectionEstablishment = false
            if let authority {
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.trustRoots = .file(authority)
                tls.minimumTLSVersion = .tlsv12
                if let identity {
                    tls.certificateChain = identity.chain.map { .certificate($0) }
                    tls.privateKey = .privateKey(identity.key)
                }
                configuration.tlsConfiguration = tls
            }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[authority] = client
            return client
        }
    }
}
