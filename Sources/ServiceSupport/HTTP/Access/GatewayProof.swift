public import EventSourcing
internal import FoundationEssentials
internal import Synchronization

/// What a gateway proves itself by to the query service, so that the queries that it forwards for many clients are not
/// counted as those of one.
///
/// It is a time and a digest of it under the key that the services share. Whoever holds one could ask without a limit for
/// some minutes, and nothing else.
public final class GatewayProof: Sendable {
    private static let purpose = "daybook gateway 1"
    /// So far the clocks of two machines may be apart, beside the age of a proof, in seconds.
    private static let tolerance: Int64 = 300
    private static let maxLength = 96

    /// A proof is sent for so long, in seconds.
    private static let lifetime: Int64 = 30

    private let key: SnapshotKey
    private let made = Mutex<(seconds: Int64, text: String)?>(nil)

    /// A proof under a key; nil if no other process has it.
    public init?(_ key: SnapshotKey) {
        guard key.isShared else { return nil }
        self.key = key
    }

    /// A proof of now: the seconds since 1970, and the digest.
    public func make() -> String { make(at: Self.now) }

    /// Whether a text is a proof.
    public func isValid(_ text: String) -> Bool { isValid(text, at: Self.now) }

    func make(at now: Int64) -> String {
        made.withLock { made in
            // The clock may be set back.
            if let made, (made.seconds..<made.seconds + Self.lifetime).contains(now) { return made.text }
            let text = "\(now).\(key.code(of: Array(String(now).utf8), for: Self.purpose))"
            made = (now, text)
            return text
        }
    }

    func isValid(_ text: String, at now: Int64) -> Bool {
        guard text.utf8.count <= Self.maxLength, let point = text.firstIndex(of: "."),
            let seconds = Int64(text[..<point]), (now - Self.tolerance...now + Self.tolerance).contains(seconds),
            let digest = Digest256(hexadecimal: text[text.index(after: point)...])
        else { return false }
        return key.isCode(digest.bytes, of: Array(String(seconds).utf8), for: Self.purpose)
    }

    private static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}
