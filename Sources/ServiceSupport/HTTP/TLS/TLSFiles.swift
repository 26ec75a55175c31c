internal import NIOCore
internal import NIOSSL
internal import SecureFiles

/// Where a service finds what it needs to speak TLS: PEM files.
public struct TLSFiles: Hashable, Sendable {
    /// The service's certificate, and behind it those that lead from it to a root.
    public var certificate: String
    /// The key of the certificate.
    public var privateKey: String
    /// The certificates of whoever signs those of clients; nil: clients need none.
    public var clientCA: String?

    /// Files by their paths.
    public init(certificate: String, privateKey: String, clientCA: String? = nil) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.clientCA = clientCA
    }

    /// Certificates and keys are some KB.
    static let maxBytes = 1 << 20
    /// A client that does not say goodbye in its turn is not waited for: the bytes that it must get are sent before.
    static let shutdownTimeout = TimeAmount.seconds(1)
    static let protocols = ["http/1.1"]

    /// All files as they are now.
    var stamps: [FileStamp?] { [certificate, privateKey, clientCA].map { $0.flatMap(FileStamp.init(of:)) } }

    /// A certificate with its key.
    struct Pair {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
    }

    /// The bytes of the file of those who may sign clients' certificates; nil: clients need none.
    func clientAuthorities() throws(TLSError) -> [UInt8]? {
        guard let clientCA else { return nil }
        return try Self.read(clientCA, demanding: .anybody)
    }

    /// Reads the certificate and its key.
    func pair() throws(TLSError) -> Pair {
        let chain = try Self.certificates(in: certificate)
        let bytes = try Self.read(privateKey, demanding: .secret)
        do {
            return Pair(chain: chain, key: try NIOSSLPrivateKey(bytes: bytes, format: .pem))
        } catch {
            throw TLSError("\(privateKey) holds no private key in PEM that can be used")
        }
    }

    /// What a server's connections are made from.
    func serverContext(_ pair: Pair) throws(TLSError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.maximumTLSVersion = .tlsv13
        configuration.applicationProtocols = Self.protocols
        configuration.shutdownTimeout = Self.shutdownTimeout
        if let clientCA {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(try Self.certificates(in: clientCA))
            configuration.sendCANameList = true
        }
        return try Self.context(configuration, "\(certificate) and \(privateKey)")
    }

    /// What connections to a server are made from whose certificate one of a file must have signed.
    ///
    /// - Parameter own: what is shown if the server asks for it.
    static func clientContext(trusting path: String, showing own: Pair?) throws(TLSError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.maximumTLSVersion = .tlsv13
        configuration.applicationProtocols = protocols
        configuration.shutdownTimeout = shutdownTimeout
        configuration.certificateVerification = .fullVerification
        configuration.trustRoots = .certificates(try certificates(in: path))
        if let own {
            configuration.certificateChain = own.chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(own.key)
        }
        return try context(configuration, path)
    }

    private static func context(_ configuration: TLSConfiguration, _ files: String) throws(TLSError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError(
                "\(files) cannot be used: the key is not the certificate's, or of a kind that TLS does not take")
        }
    }

    private static func certificates(in path: String) throws(TLSError) -> [NIOSSLCertificate] {
        let bytes = try read(path, demanding: .anybody)
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !certificates.isEmpty { return certificates }
        } catch {
            // As if there were none.
        }
        throw TLSError("\(path) holds no certificate in PEM")
    }

    private static func read(_ path: String, demanding demand: SecureFile.Demand) throws(TLSError) -> [UInt8] {
        do throws(SecureFileError) {
            return try SecureFile.read(path, maxBytes: maxBytes, demanding: demand).bytes
        } catch {
            throw TLSError("\(error)")
        }
    }
}

/// Why a certificate or key cannot be used: one sentence that names the file.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) { self.description = description }
}
