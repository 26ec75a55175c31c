internal import Access
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
        let lock = try lock(path)
        var table = try read(path)
        let value = try body(&table)
        try reported { () throws(SecureFileError) in try lock.replace(path, with: table.text) }
        return value
    }

    private static func lock(_ path: String) throws -> FileEditLock {
        do throws(SecureFileError) {
            return try FileEditLock(of: path)
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_NOINPUT)
        }
    }

    private static func reported(_ body: () throws(SecureFileError) -> Void) throws {
        do throws(SecureFileError) {
            try body()
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_CANTCREAT)
        }
    }
}
