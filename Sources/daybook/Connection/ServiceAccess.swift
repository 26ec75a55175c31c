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
    /// They live as long as the program, so that none has to be shut down; there is one, since the settings are the same.
    private static let clients = Mutex<[String?: HTTPClient]>([:])

    /// The file with the authority that signed the services' certificates; nil: they are asked without TLS.
    private let authority: String?
    /// The value of `Authorization`; nil: nothing is shown.
    private let authorization: String?

    /// Reads the files.
    ///
    /// - Throws: ``SettingError`` if one cannot be read, or others may read the token.
    init(authority: String?, token: String?) throws(SettingError) {
        if let authority {
            do {
                guard try !NIOSSLCertificate.fromPEMFile(authority).isEmpty else {
                    throw SettingError("there is no certificate in \(authority)")
                }
            } catch let error as SettingError {
                throw error
            } catch {
                throw SettingError("there is no certificate in \(authority), or it can't be read")
            }
        }
        self.authority = authority
        authorization = try token.map { path throws(SettingError) in "Bearer \(try Self.token(at: path))" }
    }

    private static func token(at path: String) throws(SettingError) -> String {
        let bytes: [UInt8]
        do throws(SecureFileError) {
            bytes = try SecureFile.read(path, maxBytes: maxTokenBytes, demanding: .secret).bytes
        } catch {
            throw SettingError("\(error)")
        }
        let text = bytes.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        guard !text.isEmpty, text.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw SettingError("the file \(path) holds no token")
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A request to a service.
    ///
    /// - Throws: ``SettingError`` if it would show a token to whoever is on the way.
    func request(_ address: HTTPAddress, _ path: String) throws(SettingError) -> HTTPClientRequest {
        if authorization != nil, authority == nil, !address.isOnThisMachine {
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
                configuration.tlsConfiguration = tls
            }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[authority] = client
            return client
        }
    }
}

extension HTTPAddress {
    /// Whether nobody is on the way to it: a name other than `localhost` may be anything.
    fileprivate var isOnThisMachine: Bool {
        host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2E })
    }
}
