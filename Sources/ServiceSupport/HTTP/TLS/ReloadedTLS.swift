public import Logging
public import NIOSSL
internal import SecureFiles
internal import Synchronization

/// What TLS connections are made from: read anew when its files change, while those that there are go on.
///
/// Files that are replaced one after the other do not match for a moment, and a file may be half written: what was read before
/// stays in force, and the files are read again at every look until they can be used.
public final class ReloadedTLS: Sendable {
    private struct State {
        var context: NIOSSLContext
        /// The bytes of the file of those who may sign clients' certificates, and how often they have changed.
        var authorities: [UInt8]?
        var authoritiesChanged: UInt64 = 0
        var stamps: [FileStamp?]
        /// Why the files as they are cannot be used.
        var failure: TLSError?
    }

    /// Whether a server demands a certificate of its clients.
    let demandsCertificate: Bool
    private let name: String
    private let stamps: @Sendable () -> [FileStamp?]
    private let load: @Sendable () throws(TLSError) -> (NIOSSLContext, authorities: [UInt8]?)
    private let state: Mutex<State>
    private let noteChange: @Sendable (TLSError?) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - name: the setting that names the files.
    ///   - noteChange: told of new files that are in force, or why they cannot be used.
    private init(
        _ name: String, demandsCertificate: Bool = false, stamps: @escaping @Sendable () -> [FileStamp?],
        noteChange: @escaping @Sendable (TLSError?) -> Void, logger: Logger,
        load: @escaping @Sendable () throws(TLSError) -> (NIOSSLContext, authorities: [UInt8]?)
    ) throws(TLSError) {
        self.demandsCertificate = demandsCertificate
        self.name = name
        self.stamps = stamps
        self.load = load
        self.noteChange = noteChange
        self.logger = logger
        // Before the files are read: should they change meanwhile, they are read again.
        let found = stamps()
        let (context, authorities) = try load()
        state = Mutex(State(context: context, authorities: authorities, stamps: found))
    }

    /// What a server speaks TLS with.
    ///
    /// - Parameter noteChange: told of new files that are in force, or why they cannot be used.
    /// - Throws: ``TLSError`` if the files cannot be used.
    public static func server(
        _ files: TLSFiles, logger: Logger, noteChange: @escaping @Sendable (TLSError?) -> Void = { _ in }
    ) throws(TLSError) -> ReloadedTLS {
        try ReloadedTLS(
            "HTTP_TLS_CERTIFICATE", demandsCertificate: files.clientCA != nil, stamps: { files.stamps },
            noteChange: noteChange, logger: logger
        ) { () throws(TLSError) in
            // Before the context is made of them: should they change meanwhile, they are read again.
            let authorities = try files.clientAuthorities()
            return (try files.serverContext(try files.pair()), authorities)
        }
    }

    /// What speaks TLS with the query service.
    ///
    /// - Parameters:
    ///   - path: the certificates of whoever may have signed its own.
    ///   - own: what is shown if it asks for a certificate.
    /// - Throws: ``TLSError`` if the files cannot be used.
    public static func client(trusting path: String, showing own: TLSFiles?, logger: Logger) throws(TLSError)
        -> ReloadedTLS
    {
        try ReloadedTLS(
            "QUERY_URL_CA", stamps: { [FileStamp(of: path)] + (own?.stamps ?? []) }, noteChange: { _ in },
            logger: logger
        ) { () throws(TLSError) in
            var pair: TLSFiles.Pair?
            if let own { pair = try own.pair() }
            return (try TLSFiles.clientContext(trusting: path, showing: pair), nil)
        }
    }

    /// What a new connection is made from.
    public var context: NIOSSLContext { state.withLock(\.context) }

    /// What a new connection is made from, with ``clientAuthorities``.
    var contextAndAuthorities: (NIOSSLContext, UInt64) { state.withLock { ($0.context, $0.authoritiesChanged) } }

    /// Another number after each change of those who may sign clients' certificates: what was proved under others counts no
    /// more.
    var clientAuthorities: UInt64 { state.withLock(\.authoritiesChanged) }

    /// What its operator should know.
    public var warnings: [String] {
        state.withLock(\.failure).map { ["\(name): \($0); what was read before stays in force"] } ?? []
    }

    /// Looks at the files, once a second, until the task is cancelled.
    public func watch() async {
        while !Task.isCancelled {
            // Nothing tells of a file's change on every file system; cancelled when the service stops.
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            look()
        }
    }

    /// Looks at the files, and takes them if they are others.
    ///
    /// - Parameter always: also if they seem to be the same.
    public func look(always: Bool = false) {
        let found = stamps()
        let (isNew, known) = state.withLock { (found != $0.stamps, $0.failure) }
        guard isNew || known != nil || always else { return }
        do throws(TLSError) {
            let (context, authorities) = try load()
            state.withLock { state in
                let changes = state.authoritiesChanged &+ (authorities == state.authorities ? 0 : 1)
                state = State(
                    context: context, authorities: authorities, authoritiesChanged: changes, stamps: found)
            }
            logger.notice("the certificate was read again: new connections use it", metadata: ["setting": "\(name)"])
            if isNew { noteChange(nil) }
        } catch {
            state.withLock { state in
                state.stamps = found
                state.failure = error
            }
            guard error != known else { return }
            logger.warning(
                "a changed certificate cannot be used: what was read before stays in force",
                metadata: ["setting": "\(name)", "reason": "\(error)"])
            noteChange(error)
        }
    }
}
