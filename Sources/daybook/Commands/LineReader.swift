internal import ArgumentParser
internal import Glibc
internal import ServiceSupport

/// Reads a file line by line, in bounded memory.
final class LineReader {
    /// The most bytes of a line. The log takes no event that is longer.
    static let maxLineLength = 1 << 20

    private let path: String
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    /// What of the buffer is read and not yet handed out.
    private var unread = 0..<0
    private var lines = 0

    /// - Parameter path: the file; `-` for standard input. A symbolic link is not followed, but for those in `/dev` and
    ///   `/proc`, by which a shell names its pipes.
    /// - Throws: the exit code for an input that cannot be read, having told so.
    init(_ path: String) throws {
        self.path = path
        let flags = path.hasPrefix("/dev/") || path.hasPrefix("/proc/") ? 0 : O_NOFOLLOW
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | flags)
        if descriptor < 0 { throw failure("open") }
    }

    deinit { if descriptor > STDIN_FILENO { close(descriptor) } }

    /// The next line without its line feed; nil at the end.
    func next() throws -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if unread.isEmpty {
                guard try fill() else {
                    if line.isEmpty { return nil }
                    lines += 1
                    return line
                }
            }
            let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n"))
            line += buffer[unread.lowerBound..<(end ?? unread.upperBound)]
            guard line.count <= Self.maxLineLength else {
                Terminal.tell(
                    "daybook: line \(lines + 1) of \(path) has more than \(Self.maxLineLength) bytes, so this is no file "
                        + "of events; nothing was imported")
                throw ExitCode(EX_DATAERR)
            }
            unread = (end.map { $0 + 1 } ?? unread.upperBound)..<unread.upperBound
            guard end == nil else {
                lines += 1
                return line
            }
        }
    }

    /// Reads what comes next; false at the end.
    private func fill() throws -> Bool {
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read")
            }
            unread = 0..<count
            return count > 0
        }
    }

    private func failure(_ what: String) -> ExitCode {
        let reason = errno == ELOOP ? "it is a symbolic link: name the file itself" : String(cString: strerror(errno))
        Terminal.tell("daybook: cannot \(what) \(path): \(reason)")
        return ExitCode(EX_NOINPUT)
    }
}
