internal import Glibc

/// The lines of a checkpoint's file, one after another, in bounded memory whatever the file is.
final class CheckpointLines {
    /// The longest line that is read, in bytes: twice what the largest event of the log can lead to.
    static let maxLineLength = 2 << 20

    private let descriptor: Int32
    /// What is read at once.
    private let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    private var buffer: [UInt8] = []
    /// Where the next line begins in `buffer`.
    private var start = 0
    private var isAtEnd = false

    /// Opens the file at `path`; nil if there is none.
    ///
    /// - Throws: ``CheckpointFile/Unusable`` if it cannot be opened, or is no regular file: a pipe or a device would be
    ///   waited for, or read for ever.
    static func open(_ path: String) throws -> CheckpointLines? {
        // Without O_NONBLOCK a pipe that nobody writes to would hold up the start.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            if errno == ELOOP {
                throw CheckpointFile.Unusable(description: "\(path) is not a regular file but a symbolic link")
            }
            throw CheckpointFile.Unusable("cannot open \(path)", errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CheckpointFile.Unusable(description: "\(path) is not a regular file")
        }
        return CheckpointLines(descriptor)
    }

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        close(descriptor)
        part.deallocate()
    }

    /// The next line without its line feed; nil at the end.
    ///
    /// - Throws: ``CheckpointFile/Unusable`` for a line longer than ``maxLineLength``, and if the file cannot be read.
    func next() throws -> [UInt8]? {
        var searched = start
        while true {
            let end = lineFeed(from: searched)
            guard (end ?? buffer.count) - start <= Self.maxLineLength else {
                throw CheckpointFile.Unusable(description: "it has a line of more than \(Self.maxLineLength) bytes")
            }
            if let end {
                defer { start = end + 1 }
                return Array(buffer[start..<end])
            }
            if isAtEnd { break }
            buffer.removeSubrange(..<start)
            start = 0
            searched = buffer.count
            try readMore()
        }
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return Array(buffer[start...])
    }

    /// Begins again with the first line.
    func rewind() throws {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw CheckpointFile.Unusable("it cannot be read", errno) }
        buffer = []
        start = 0
        isAtEnd = false
    }

    private func lineFeed(from offset: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            return memchr(base + offset, 0x0A, bytes.count - offset).map { UnsafeRawPointer($0) - base }
        }
    }

    private func readMore() throws {
        var count: Int
        repeat { count = read(descriptor, part.baseAddress, part.count) } while count < 0 && errno == EINTR
        guard count >= 0 else { throw CheckpointFile.Unusable("it cannot be read", errno) }
        buffer.append(contentsOf: part[..<count])
        isAtEnd = count == 0
    }
}
