#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Looks for damage in a write-ahead log before SQLite reads it.
///
/// SQLite takes a write-ahead log up to the first frame whose checksum is wrong, and drops the rest without a word: that
/// is how it passes over what a crash left half written. But every commit is flushed before the next frame is written. So
/// where a commit comes after a wrong frame, and after that commit another frame, the commit was flushed, the wrong frame
/// was whole once, and what SQLite would drop was acknowledged.
///
/// The format is that of "Database File Format", section 4, of SQLite's documentation. Frames of an earlier use of the
/// file, whose salts differ, count as nothing.
enum WriteAheadLogCheck {
    private static let headerSize = 32
    private static let frameHeaderSize = 24

    /// Looks through the file at `path`, where there is one.
    ///
    /// - Throws: `damaged` where acknowledged frames would be dropped.
    static func run(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        // Where there is none, or it cannot be read, SQLite tells what matters.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard let header = read(descriptor, headerSize, at: 0) else { return }
        let isBigEndian = word(header, 0) == 0x377F_0683
        guard isBigEndian || word(header, 0) == 0x377F_0682 else { return }
        let pageSize = Int(word(header, 8))
        guard pageSize >= 512, pageSize <= 65536, pageSize & (pageSize - 1) == 0 else { return }
        let salts = (word(header, 16), word(header, 20))
        var sum = Checksum(isBigEndian: isBigEndian)
        sum.add(header[..<24])
        var offset = headerSize
        var broken: Int?
        var hasCommitAfter = false
        var number = 0
        while let frame = read(descriptor, frameHeaderSize + pageSize, at: offset) {
            number += 1
            offset += frameHeaderSize + pageSize
            guard (word(frame, 8), word(frame, 12)) == salts else {
                // An older use of the file, or damage to the salts themselves.
                if broken == nil { broken = number }
                continue
            }
            guard let first = broken else {
                sum.add(frame[..<8])
                sum.add(frame[frameHeaderSize...])
                if sum.values != (word(frame, 16), word(frame, 20)) { broken = number }
                continue
            }
            if hasCommitAfter {
                throw SQLiteEventStoreError(
                    .damaged,
                    "\(path) is damaged: its frame \(first) is not what was written, and flushed commits come after it; "
                        + "restore a backup")
            }
            hasCommitAfter = word(frame, 4) != 0
        }
    }

    /// So many bytes; nil where the file ends before.
    private static func read(_ descriptor: Int32, _ count: Int, at offset: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return nil }
            done += result
        }
        return bytes
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The running checksum of headers and frames.
    private struct Checksum {
        let isBigEndian: Bool
        private(set) var values: (UInt32, UInt32) = (0, 0)

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        /// Adds bytes, a multiple of eight.
        mutating func add(_ bytes: ArraySlice<UInt8>) {
            var (first, second) = values
            bytes.withUnsafeBytes { buffer in
                for offset in stride(from: 0, to: buffer.count, by: 8) {
                    let left = buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                    let right = buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                    first &+= (isBigEndian ? left.bigEndian : left.littleEndian) &+ second
                    second &+= (isBigEndian ? right.bigEndian : right.littleEndian) &+ first
                }
            }
            values = (first, second)
        }
    }
}
