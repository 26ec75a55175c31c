internal import ArgumentParser
internal import EventLogService
internal import Glibc
internal import SecureFiles
internal import ServiceSupport

/// Reads and changes the file that names the log's peers. The log takes a change in within about a second.
enum PeersFileEdit {
    /// The peers that a file names.
    ///
    /// - Throws: the exit code, having told what is wrong.
    static func read(_ path: String) throws -> PeerTable {
        let bytes: [UInt8]
        do throws(SecureFileError) {
            bytes = try SecureFile.read(path, maxBytes: PeerTable.maxBytes, demanding: .trusted).bytes
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_NOINPUT)
        }
        do throws(PeerTableError) {
            return try PeerTable(bytes)
        } catch {
            Terminal.tell("daybook: \(path), \(error)")
            throw ExitCode(EX_DATAERR)
        }
    }

    /// Changes the peers that a file names, all at once; two changes at the same time follow each other.
    ///
    /// - Parameter make: whether the file is made if there is none.
    /// - Throws: the exit code, having told what is wrong; what `body` throws. The file is then as it was.
    static func change<Value>(_ path: String, make: Bool, _ body: (inout PeerTable) throws -> Value) throws -> Value {
        if make {
            try reported { () throws(SecureFileError) in _ = try SecureFile.make(path, with: []) }
        }
        let lock = try Lock(path)
        defer { lock.end() }
        var table = try read(path)
        let value = try body(&table)
        try reported { () throws(SecureFileError) in try SecureFile.replace(path, with: table.text) }
        return value
    }

    private static func reported(_ body: () throws(SecureFileError) -> Void) throws {
        do throws(SecureFileError) {
            try body()
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_CANTCREAT)
        }
    }

    /// A lock on the file that has the name: one who changes it gives the name to another file.
    private struct Lock {
        private let descriptor: Int32

        init(_ path: String) throws {
            while true {
                let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                guard descriptor >= 0 else {
                    Terminal.tell("daybook: cannot read \(path): \(String(cString: strerror(errno)))")
                    throw ExitCode(EX_NOINPUT)
                }
                while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
                var (mine, named) = (stat(), stat())
                if fstat(descriptor, &mine) == 0, lstat(path, &named) == 0, mine.st_ino == named.st_ino,
                    mine.st_dev == named.st_dev
                {
                    self.descriptor = descriptor
                    return
                }
                close(descriptor)
            }
        }

        func end() { close(descriptor) }
    }
}
