internal import Glibc

/// The file that names the peers of the log.
struct PeersFile: Sendable {
    /// Another one whenever the file may have changed.
    struct Stamp: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: [Int]

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modified = [
                status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
    }

    let path: String

    /// nil if there is no such file.
    var stamp: Stamp? {
        var status = stat()
        return stat(path, &status) == 0 ? Stamp(status) : nil
    }

    func read() throws(PeersFileError) -> (PeerTable, Stamp) {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure("it is no file")
        }
        guard status.st_mode & 0o022 == 0 else { throw failure("others than its owner may change it: chmod 600 it") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= PeerTable.maxBytes {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        do throws(PeerTableError) {
            return (try PeerTable(bytes), Stamp(status))
        } catch {
            throw PeersFileError("\(path), \(error)")
        }
    }

    private func failure(_ reason: String) -> PeersFileError {
        PeersFileError("the file of peers \(path) cannot be read: \(reason)")
    }
}

/// Why a file of peers cannot be taken: one sentence that names the file.
public struct PeersFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) { self.description = description }
}
