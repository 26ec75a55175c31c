internal import Crypto
internal import EventSourcing

/// The key under which a query service's checkpoints are authentic: derived from the key of the snapshots.
struct CheckpointKey: Sendable {
    fileprivate let key: SymmetricKey

    /// - Returns: nil if the process has no key that the next one will have, too.
    init?(_ key: SnapshotKey) {
        guard let secret = key.secret(for: "checkpoint") else { return nil }
        self.key = SymmetricKey(data: secret)
    }
}

/// The last line of a checkpoint, over all lines before it: an HMAC-SHA256 if there is a key, else a SHA-256, which tells
/// damage but not forgery.
struct CheckpointSeal {
    private static let mark = "hmac-sha256 "

    /// One of the two.
    private var checksum: LineHasher?
    private var code: HMAC<SHA256>?

    init(_ key: CheckpointKey?) {
        code = key.map { HMAC(key: $0.key) }
        checksum = key == nil ? LineHasher() : nil
    }

    /// Takes in the next line.
    mutating func add(_ line: [UInt8]) {
        checksum?.add(line)
        code?.update(data: line)
        code?.update(data: [UInt8(ascii: "\n")])
    }

    /// The last line.
    var line: [UInt8] {
        if let code {
            guard let digest = Digest256(Array(code.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
            return Array((Self.mark + digest.description).utf8)
        }
        return Array((checksum?.digest.description ?? "").utf8)
    }

    /// - Throws: ``CheckpointFile/Unusable`` if the last line is not that of the lines before it.
    func verify(_ last: [UInt8]?) throws(CheckpointFile.Unusable) {
        guard let code else {
            guard last == line else {
                throw CheckpointFile.Unusable(description: "its checksum does not agree with its content")
            }
            return
        }
        let text = String(decoding: last ?? [], as: UTF8.self)
        guard text.hasPrefix(Self.mark) else {
            throw CheckpointFile.Unusable(
                description: "it was written without the key in SNAPSHOT_KEY, by an older version or by somebody else")
        }
        // Compared in constant time.
        guard let digest = Digest256(hexadecimal: text.dropFirst(Self.mark.count)), code.finalize() == digest.bytes
        else {
            throw CheckpointFile.Unusable(description: "it is damaged, or was not written with the key in SNAPSHOT_KEY")
        }
    }
}
