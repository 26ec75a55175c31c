public import EventSourcing
internal import SecureFiles

/// Why there is no key to sign snapshots with: one sentence that names the file.
public struct SnapshotKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String
    /// Whether it may be otherwise the next time, without anybody correcting a setting: the disk is full or fails.
    public let mayPass: Bool

    init(_ description: String) {
        self.description = description
        mayPass = false
    }

    init(_ error: SecureFileError) {
        description = error.description
        mayPass = error.mayPass
    }
}

/// The file with the key under which an operator's services sign snapshots: 32 random bytes, for their user alone.
public enum SnapshotKeyFile {
    /// A longer file is not read to its end.
    private static let maxBytes = 4096

    /// The key in a file, which is made if there is none.
    ///
    /// Services that start at once agree on one key: the file appears with all its bytes under a name that it can be
    /// given once.
    ///
    /// - Throws: ``SnapshotKeyError`` if it cannot be made or read, or others than its owner may read it.
    public static func loadOrMake(_ path: String) throws(SnapshotKeyError) -> SnapshotKey {
        if let key = try load(path) { return key }
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<SnapshotKey.length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(SecureFileError) {
            // False: another service was quicker, and its key counts.
            _ = try SecureFile.make(path, with: secret)
        } catch {
            throw SnapshotKeyError(error)
        }
        guard let key = try load(path) else { throw SnapshotKeyError("the file \(path) was removed while it was made") }
        return key
    }

    /// The key in a file; nil if there is no such file.
    ///
    /// - Throws: ``SnapshotKeyError`` if it cannot be read, or others than its owner may read it.
    public static func load(_ path: String) throws(SnapshotKeyError) -> SnapshotKey? {
        let bytes: [UInt8]
        do throws(SecureFileError) {
            bytes = try SecureFile.read(path, maxBytes: maxBytes, demanding: .secret).bytes
        } catch {
            if error.isMissing { return nil }
            throw SnapshotKeyError(error)
        }
        guard let key = SnapshotKey(sharedSecret: bytes) else {
            throw SnapshotKeyError(
                "the file \(path) does not hold the \(SnapshotKey.length) bytes of a key: remove it for a new key")
        }
        return key
    }
}
