internal import EventSourcing
internal import JSON

/// The public keys of an issuer of JSON Web Tokens: a JWK Set (RFC 7517, section 5).
///
/// Keys that are not for signatures of the accepted algorithms are passed over, as the RFC has it. Shared secrets (`oct`), private
/// keys, keys that are too short and doubled `kid`s are mistakes that must not go unseen: they make the set unusable.
struct WebKeySet: Sendable {
    /// The most bytes of a file.
    static let maxBytes = 256 << 10
    /// The most keys of a set.
    static let maxKeys = 100

    /// The keys, in order.
    let keys: [WebKey]

    /// A set from a file's bytes.
    ///
    /// - Throws: ``AccessError`` if it cannot be read or has no key that can be used.
    init(_ bytes: [UInt8]) async throws(AccessError) {
        var keys: [WebKey] = []
        var ids: Set<String> = []
        for (index, candidate) in try Self.candidates(in: bytes).enumerated() {
            do throws(AccessError) {
                guard let material = try candidate.material() else { continue }
                if let id = candidate.id, !ids.insert(id).inserted { throw AccessError("another key has its kid") }
                keys.append(try await WebKey(material, id: candidate.id))
            } catch {
                throw AccessError("key \(index + 1): \(error)")
            }
        }
        guard !keys.isEmpty else { throw AccessError("it has no key of RS256, ES256 or EdDSA") }
        self.keys = keys
    }

    /// The key that a token names; nil if there is none.
    ///
    /// A token without `kid` means the only key of its algorithm, if there is only one.
    func key(of header: WebTokenHeader) -> WebKey? {
        if let id = header.keyID { return keys.first { $0.id == id && $0.algorithm == header.algorithm } }
        let candidates = keys.filter { $0.algorithm == header.algorithm }
        return candidates.count == 1 ? candidates.first : nil
    }

    /// Whether it has a key of a thumbprint.
    func has(_ thumbprint: Digest256) -> Bool { keys.contains { $0.thumbprint == thumbprint } }

    private static func candidates(in bytes: [UInt8]) throws(AccessError) -> [WebKeyCandidate] {
        var found: [WebKeyCandidate]?
        var reader = JSONReader(bytes, maximumDepth: 16)
        do throws(JSONError) {
            try reader.readObject { name, reader throws(JSONError) in
                guard name == "keys" else {
                    _ = try reader.readValue()
                    return
                }
                var candidates: [WebKeyCandidate] = []
                try reader.readArray { reader throws(JSONError) in
                    candidates.append(try WebKeyCandidate(from: &reader))
                }
                found = candidates
            }
            try reader.finish()
        } catch {
            throw AccessError("it is no JWK Set: \(error)")
        }
        guard let found else { throw AccessError("it is no JWK Set: it has no member keys") }
        guard found.count <= maxKeys else { throw AccessError("it has more than \(maxKeys) keys") }
        return found
    }
}
