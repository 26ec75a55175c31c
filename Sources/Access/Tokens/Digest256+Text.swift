internal import Crypto
internal import EventSourcing

extension Digest256 {
    /// SHA-256 of a text's UTF-8.
    init(hashing text: String) {
        var text = text
        var hasher = SHA256()
        text.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self = hasher.finalize().withUnsafeBytes { bytes in
            func word(_ offset: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return Digest256(word(0), word(8), word(16), word(24))
        }
    }
}
