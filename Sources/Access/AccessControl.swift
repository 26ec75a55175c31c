public import EventSourcing
internal import Glibc
public import Logging
internal import Synchronization

/// Decides who a request comes from, and whether that still holds later: the one place that knows credentials.
///
/// What it knows of tokens and keys can change at any time; every question is answered by what is in force then.
public final class AccessControl: Sendable {
    /// What a request shows of who sends it.
    public struct Presented: Hashable, Sendable {
        /// The values of all its `Authorization` fields.
        public var authorization: [String]
        /// The common name of the certificate that the connection's other side proved; nil: none.
        public var certificate: String?

        /// What is shown.
        public init(authorization: [String] = [], certificate: String? = nil) {
            self.authorization = authorization
            self.certificate = certificate
        }
    }

    /// Who a request comes from.
    public enum Identity: Sendable {
        /// Somebody, or a stranger who showed nothing.
        case caller(Caller)
        /// What was shown proves nothing: the reason, for a log, without a secret in it.
        case refused(reason: String)
        /// A signature has to be verified first: ask ``AccessControl/identity(verifying:)``.
        case unverified(UnverifiedToken)
        /// Too many signatures wait to be verified: nothing is known of who it is, and it may ask again later.
        case overloaded
    }

    /// A JSON Web Token whose signature is not verified yet.
    public struct UnverifiedToken: Sendable {
        let token: UnverifiedWebToken
    }

    /// Nothing is asked for: everybody may do everything.
    public static let open = AccessControl()

    /// Where what happens is recorded.
    public let audit: AuditLog
    /// What callers must prove themselves by.
    public let demands: AccessDemands

    private let files: AccessFiles
    private let logger: Logger
    private let clock: @Sendable () -> Timestamp
    private let permits: VerificationPermits
    private let state: Mutex<State>

    /// What is in force.
    private struct State {
        var entries: [TokenEntry] = []
        var tokens = TokenTable([])
        var keys: WebKeySet?
        var verified = VerifiedTokens()
        /// What is wrong with files, by the settings that name them.
        var failures: [String: String] = [:]
    }

    private init() {
        demands = AccessDemands()
        logger = Logger(label: "access", factory: { _ in SwiftLogNoOpLogHandler() })
        audit = AuditLog(nil, service: "", logger: logger)
        files = AccessFiles(demands)
        clock = { .now() }
        permits = VerificationPermits(maxRunning: 1, maxWaiting: 0)
        state = Mutex(State())
    }

    /// What settings demand. All files are read.
    ///
    /// - Parameters:
    ///   - maxVerifications: how many signatures are verified at once, while 1,000 more may wait; by default half as many
    ///     as there are processors, so that other requests go on.
    ///   - clock: the time that decides whether tokens are expired.
    /// - Throws: ``AccessError`` if a file cannot be read, or holds what it must not.
    public init(
        _ demands: AccessDemands, audit: AuditLog, maxVerifications: Int? = nil, logger: Logger,
        clock: @escaping @Sendable () -> Timestamp = { .now() }
    ) async throws(AccessError) {
        self.demands = demands
        self.audit = audit
        self.logger = logger
        self.clock = clock
        permits = VerificationPermits(
            maxRunning: maxVerifications ?? Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))) / 2, maxWaiting: 1000)
        let files = AccessFiles(demands)
        self.files = files
        let (entries, keys) = try await files.load()
        var state = State()
        state.entries = entries ?? []
        state.tokens = TokenTable(state.entries)
        state.keys = keys
        self.state = Mutex(state)
    }

    /// Whether nothing is asked for, so that everybody may do everything.
    public var isOpen: Bool { demands.isNone }

    /// What an operator must know: files that changed and cannot be used, so that what was read before stays in force, and
    /// an audit log that cannot be written.
    public var warnings: [String] {
        state.withLock { state in
            state.failures.sorted { $0.key < $1.key }.map {
                "\($0.key): \($0.value); what was read before stays in force"
            }
        } + audit.warnings
    }

    /// Who a request comes from, without waiting.
    public func identity(presenting presented: Presented) -> Identity {
        if isOpen { return .caller(.unrestricted) }
        guard demands.tokens != nil || demands.webTokens != nil else { return identity(proving: presented.certificate) }
        switch BearerToken(presented.authorization) {
        case .absent: return .caller(.stranger)
        case .malformed(let reason): return .refused(reason: reason)
        case .present(let text): return identity(showing: text)
        }
    }

    /// Who a request comes from that showed a token whose signature was not verified before.
    public func identity(verifying unverified: UnverifiedToken) async -> Identity {
        let token = unverified.token
        // Of several requests with one token only the first has to wait for it.
        if let identity = state.withLock({ identity(of: $0.verified[token.digest]) }) { return identity }
        guard let isSigned = await permits.withPermit({ token.isSigned }) else { return .overloaded }
        guard isSigned else { return .refused(reason: "the token's signature is wrong") }
        let now = seconds
        return state.withLock { state in
            // Keys may have changed, and time has passed.
            guard state.keys?.has(token.key.thumbprint) == true else {
                return .refused(reason: "the token's key is not known any more")
            }
            if let refusal = token.claims.refusal(at: now) { return .refused(reason: refusal) }
            let caller = token.caller
            state.verified.insert(
                VerifiedTokens.Entry(caller: caller, expires: token.claims.expires, key: token.key.thumbprint),
                for: token.digest)
            return .caller(caller)
        }
    }

    /// Whether what a caller proved itself by still holds: its token is there, unchanged and not expired.
    public func stillHolds(_ caller: Caller) -> Bool {
        switch caller.credential {
        case .token(let name, let digest):
            guard let entry = state.withLock({ $0.tokens.entry(named: name) }) else { return false }
            return entry.digest.bytes == digest && entry.caller.standing == caller.standing
                && !isOver(entry.expires) && Self.includes(entry.caller.reach, caller.reach)
        case .webToken(let key, let expires):
            guard let key, let thumbprint = Digest256(hexadecimal: key), expires > seconds else { return false }
            return state.withLock { $0.keys?.has(thumbprint) == true }
        // It was proved for as long as the connection lasts.
        case .certificate: return true
        case nil: return true
        }
    }

    /// Looks at the files once a second until the task is cancelled. To be run as long as the service runs.
    public func watch() async {
        while !Task.isCancelled {
            do {
                // A change takes effect within 3 s. Files are only looked at: nothing tells of their changes.
                try await Task.sleep(for: .seconds(1))
            } catch {
                break
            }
            await look()
            audit.tick()
        }
        await audit.flush()
    }

    /// Reads all files again, whether or not they seem to have changed, and opens the audit log anew: for SIGHUP.
    public func readAgain() async {
        audit.reopen()
        await look(always: true)
    }

    /// Looks at the files, and reads those that have changed.
    package func look(always: Bool = false) async {
        await files.look(always: always) { self.apply($0) }
    }

    private var seconds: Int64 { clock().microseconds / 1_000_000 }

    private func isOver(_ expires: Timestamp?) -> Bool { expires.map { $0 <= clock() } == true }

    private static func includes(_ outer: Reach?, _ inner: Reach?) -> Bool {
        guard let inner else { return true }
        return outer?.intersection(inner) == inner
    }

    private func identity(proving certificate: String?) -> Identity {
        guard let certificate else { return .caller(.stranger) }
        guard ActorName.isValid(certificate) else {
            return .refused(reason: "the certificate's common name is not 1 to 128 visible ASCII characters")
        }
        return .caller(Caller(actor: certificate, standing: .unrestricted, credential: .certificate))
    }

    private func identity(showing text: String) -> Identity {
        let digest = Digest256(hashing: text)
        let (entry, verified, keys) = state.withLock { state in
            (state.tokens.entry(of: digest), state.verified[digest], state.keys)
        }
        if let entry {
            return isOver(entry.expires) ? .refused(reason: "the token is expired") : .caller(entry.caller)
        }
        if let identity = identity(of: verified) { return identity }
        guard let keys, let webTokens = demands.webTokens, text.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2
        else {
            return .refused(reason: "the token is not known")
        }
        do throws(AccessError) {
            return .unverified(
                UnverifiedToken(
                    token: try UnverifiedWebToken(
                        text, digest: digest, keys: keys, issuer: webTokens.issuer, audience: webTokens.audience,
                        now: seconds)))
        } catch {
            return .refused(reason: "\(error)")
        }
    }

    private func identity(of verified: VerifiedTokens.Entry?) -> Identity? {
        guard let verified else { return nil }
        return verified.expires > seconds ? .caller(verified.caller) : .refused(reason: "the token is expired")
    }

    private func apply(_ change: AccessFiles.Change) {
        switch change {
        case .tokens(let entries):
            let table = TokenTable(entries)
            let names = state.withLock { state in
                let names = Self.difference(state.entries, entries)
                state.entries = entries
                state.tokens = table
                state.failures["ACCESS_TOKENS"] = nil
                return names
            }
            logger.notice(
                "the tokens have changed", metadata: ["tokens": "\(entries.count)", "changed": "\(names.count)"])
            audit.record(AuditRecord(.tokensChanged, names: names))
        case .keys(let keys):
            state.withLock { state in
                state.keys = keys
                state.verified.keep(signedBy: keys)
                state.failures["ACCESS_JWKS"] = nil
            }
            logger.notice("the keys of ACCESS_JWKS have changed", metadata: ["keys": "\(keys.keys.count)"])
            audit.record(AuditRecord(.keyChanged, reason: "ACCESS_JWKS", names: keys.keys.map { $0.id ?? "" }))
        case .failed(let setting, let reason):
            let isNew = state.withLock { $0.failures.updateValue(reason, forKey: setting) != reason }
            guard isNew else { return }
            logger.warning(
                "a file of access cannot be used; what was read before stays in force",
                metadata: ["setting": "\(setting)", "reason": "\(reason)"])
            audit.record(AuditRecord(.changeRefused, reason: "\(setting): \(reason)"))
        case .recovered(let setting):
            let wasFailing = state.withLock { $0.failures.removeValue(forKey: setting) != nil }
            if wasFailing { logger.notice("a file of access can be used again", metadata: ["setting": "\(setting)"]) }
        }
    }

    /// The names of the tokens that are in one list only, or not the same in both.
    private static func difference(_ old: [TokenEntry], _ new: [TokenEntry]) -> [String] {
        Set(old).symmetricDifference(new).reduce(into: Set<String>()) { $0.insert($1.name) }.sorted()
    }
}
