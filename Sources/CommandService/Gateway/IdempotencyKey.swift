internal import Crypto
public import EventSourcing
internal import HTTPTypes
internal import ServiceSupport

/// The key under which a client's command is obeyed at most once, and the fingerprint of the command.
public struct IdempotencyKey: Hashable, Sendable {
    /// 1 to 255 bytes of visible ASCII; with an actor the 33 bytes of ``scoped(to:)``.
    public let bytes: [UInt8]
    /// SHA-256 over the method, the stream and the command's canonical form.
    public let fingerprint: Digest256

    /// A key from its parts.
    public init(bytes: [UInt8], fingerprint: Digest256) {
        self.bytes = bytes
        self.fingerprint = fingerprint
    }

    /// The same key, which is of no other actor's commands: a byte 1, with which no client's key can begin, and SHA-256 over
    /// the length of the actor's name in four bytes, big-endian, the name in UTF-8 and the key.
    ///
    /// The log keeps it for ever, so this must never change.
    public func scoped(to actor: String) -> IdempotencyKey {
        let name = Array(actor.utf8)
        var hasher = SHA256()
        hasher.update(data: UInt32(clamping: name.count).bigEndianBytes)
        hasher.update(data: name)
        hasher.update(data: bytes)
        return IdempotencyKey(bytes: [1] + hasher.finalize(), fingerprint: fingerprint)
    }

    /// Reads the key from a request's header; nil where there is none.
    ///
    /// - Throws: ``Problem`` 400 where it is not 1 to 255 visible ASCII characters, quoted or not.
    init?(_ headers: HTTPFields, stream: StreamID, canonicalCommand: [UInt8]) throws(Problem) {
        guard let text = headers[.idempotencyKey] else { return nil }
        try self.init(text, stream: stream, canonicalCommand: canonicalCommand)
    }

    /// Reads the key from its text.
    ///
    /// - Throws: ``Problem`` 400 where it is not 1 to 255 visible ASCII characters, quoted or not.
    init(_ text: String, stream: StreamID, canonicalCommand: [UInt8]) throws(Problem) {
        var key = text[...]
        if key.utf8.count >= 2, key.first == "\"", key.last == "\"" { key = key.dropFirst().dropLast() }
        guard 1...255 ~= key.utf8.count, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidParameter("Idempotency-Key", text, expected: "1 to 255 visible ASCII characters")
        }
        var hasher = SHA256()
        hasher.update(data: Array("POST \(stream)\n".utf8))
        hasher.update(data: canonicalCommand)
        guard let digest = Digest256(Array(hasher.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
        self.init(bytes: Array(key.utf8), fingerprint: digest)
    }
}
