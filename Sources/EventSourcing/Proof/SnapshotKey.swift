internal import Crypto

/// The secret of an operator's services under which they sign the snapshots that they keep in the log.
///
/// Whoever reaches the log can keep a snapshot there. Only one that carries a digest under this key is believed.
public struct SnapshotKey: Sendable {
    /// The length of the secret, in bytes.
    public static let length = 32

    private let secret: SymmetricKey
    /// Whether other processes have the same secret.
    public let isShared: Bool

    /// A key that several processes share; nil if the secret does not have ``length`` bytes.
    public init?(sharedSecret: [UInt8]) {
        guard sharedSecret.count == Self.length else { return nil }
        secret = SymmetricKey(data: sharedSecret)
        isShared = true
    }

    private init() {
        secret = SymmetricKey(size: .bits256)
        isShared = false
    }

    /// A key that this process alone has, and only until it ends: it believes no snapshot but its own.
    public static func ofThisProcess() -> SnapshotKey { SnapshotKey() }

    /// The fingerprint under which signed snapshots of a schema are kept.
    ///
    /// With a shared key it is a secret, too: whoever does not have the key cannot name these snapshots, and so can
    /// neither replace one nor put another before it. A key that ends with its process uses the schema's own
    /// fingerprint, so that the next process replaces the snapshots instead of adding as many again.
    public func fingerprint(ofSchema schema: Digest256) -> Digest256 {
        guard isShared else { return schema }
        return Digest256(authenticating: Array("daybook snapshot fingerprint 1\n".utf8) + schema.bytes, secret)
    }

    /// The digest of a message under a key of its own, derived from this one, so that no digest is one for anything else.
    ///
    /// - Parameter purpose: what it is for.
    public func code(of message: [UInt8], for purpose: String) -> Digest256 {
        Digest256(authenticating: message, derived(for: purpose))
    }

    /// Whether bytes are the digest of a message for a purpose; takes as long whatever they are.
    public func isCode(_ bytes: [UInt8], of message: [UInt8], for purpose: String) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(bytes, authenticating: message, using: derived(for: purpose))
    }

    private func derived(for purpose: String) -> SymmetricKey {
        let name = Array("daybook key for \(purpose)\n".utf8)
        return SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: name, using: secret))
    }

    fileprivate func digest(of message: [UInt8]) -> Digest256 { Digest256(authenticating: message, secret) }

    fileprivate func isDigest(_ digest: some Sequence<UInt8>, of message: [UInt8]) -> Bool {
        // In constant time.
        HMAC<SHA256>.isValidAuthenticationCode(Array(digest), authenticating: message, using: secret)
    }
}

extension Digest256 {
    /// HMAC-SHA256 (RFC 2104).
    fileprivate init(authenticating message: [UInt8], _ secret: SymmetricKey) {
        guard let digest = Digest256(Array(HMAC<SHA256>.authenticationCode(for: message, using: secret))) else {
            preconditionFailure("HMAC-SHA256 has 32 bytes")
        }
        self = digest
    }
}

/// Signs snapshots of one kind of aggregate, and tells those that were signed from all others.
///
/// A signed snapshot is kept under a fingerprint of its own, and after its state stand the 32 bytes of an HMAC-SHA256
/// over the log's id and everything that the snapshot says.
public struct SnapshotSigner<State: SnapshottableAggregate>: Sendable {
    /// How many bytes the digest adds to the state.
    public static var digestLength: Int { 32 }

    /// The fingerprint of signed snapshots.
    public let fingerprint: Digest256

    private let schema: Digest256
    private let key: SnapshotKey

    /// A signer with a key.
    public init(_ key: SnapshotKey) {
        self.key = key
        schema = State.snapshotFingerprint
        fingerprint = key.fingerprint(ofSchema: schema)
    }

    /// The snapshot as the log is to keep it; nil if it is too long with its digest.
    ///
    /// - Parameter logID: the log that has the events.
    public func sign(_ snapshot: Snapshot, in logID: UniqueID) -> Snapshot? {
        guard snapshot.state.count <= Snapshot.longestState - Self.digestLength else { return nil }
        return snapshot.with(
            fingerprint: fingerprint,
            state: snapshot.state + key.digest(of: message(of: snapshot, snapshot.state[...], in: logID)).bytes)
    }

    /// The snapshot that was signed; nil if this one was not, or not with this key and for this log.
    public func open(_ kept: Snapshot, in logID: UniqueID) -> Snapshot? {
        guard kept.fingerprint == fingerprint, kept.state.count >= Self.digestLength else { return nil }
        let state = kept.state.dropLast(Self.digestLength)
        guard key.isDigest(kept.state.suffix(Self.digestLength), of: message(of: kept, state, in: logID)) else {
            return nil
        }
        return kept.with(fingerprint: schema, state: Array(state))
    }

    /// What the digest covers: each part is of a fixed length or stands after its length.
    private func message(of snapshot: Snapshot, _ state: ArraySlice<UInt8>, in logID: UniqueID) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(256 + state.count)
        func add(_ integer: some FixedWidthInteger) {
            withUnsafeBytes(of: integer.bigEndian) { message.append(contentsOf: $0) }
        }
        func add(_ text: String) {
            add(UInt32(truncatingIfNeeded: text.utf8.count))
            message.append(contentsOf: text.utf8)
        }
        add("daybook snapshot 1")
        add(logID.high)
        add(logID.low)
        add(snapshot.stream.category)
        add(snapshot.stream.name)
        message.append(contentsOf: schema.bytes)
        add(snapshot.version)
        add(snapshot.lastEvent.high)
        add(snapshot.lastEvent.low)
        add(snapshot.createdAt.microseconds)
        add(snapshot.updatedAt.microseconds)
        add(UInt32(truncatingIfNeeded: state.count))
        message.append(contentsOf: state)
        return message
    }
}

extension Snapshot {
    fileprivate func with(fingerprint: Digest256, state: [UInt8]) -> Snapshot {
        Snapshot(
            stream: stream, version: version, lastEvent: lastEvent, createdAt: createdAt, updatedAt: updatedAt,
            fingerprint: fingerprint, state: state)
    }
}
