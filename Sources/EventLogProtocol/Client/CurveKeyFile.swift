internal import Glibc
public import SecureFiles
public import ZeroMQ

/// The file with a secret key of CURVE: its 40 characters of Z85, for its owner alone.
public enum CurveKeyFile {
    /// A line, and what an editor may leave behind it.
    private static let maxBytes = 256

    /// The key in a file.
    ///
    /// - Throws: ``SecureFileError`` if it cannot be read, others than its owner may read it, or it holds no key.
    public static func load(_ path: String) throws(SecureFileError) -> CurveSecretKey {
        var bytes = try SecureFile.read(path, maxBytes: maxBytes, demanding: .secret).bytes
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        var end = bytes.endIndex
        while end > 0, [0x0A, 0x0D, 0x20].contains(bytes[end - 1]) { end -= 1 }
        guard let key = CurveSecretKey(characters: bytes[..<end]) else {
            throw SecureFileError(
                "the file \(path) holds no secret key, which is 40 characters of Z85 (daybook keys new)")
        }
        return key
    }

    /// Makes a file for a key.
    ///
    /// - Returns: false if there is a file already.
    /// - Throws: ``SecureFileError`` if it cannot be made.
    public static func make(_ path: String, with key: CurveSecretKey) throws(SecureFileError) -> Bool {
        var bytes = key.withCharacters { Array($0) } + [0x0A]
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        return try SecureFile.make(path, with: bytes)
    }

    private static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
    }
}
