internal import Crypto
internal import EventSourcing

/// SHA-256 over lines, each with its line feed.
struct LineHasher {
    private var hasher = SHA256()

    mutating func add(_ line: [UInt8]) {
        hasher.update(data: line)
        hasher.update(data: [UInt8(ascii: "\n")])
    }

    var digest: Digest256 {
        guard let digest = Digest256(Array(hasher.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }
}
