import Foundation
import SecureFiles
import Testing

/// One after another: the umask is the whole process's.
@Suite(.serialized) struct SecureFileTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.path + "/secret" }

    // MARK: reading

    @Test func `what is no file is refused at once, also a FIFO that nobody writes to`() throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/folder", withIntermediateDirectories: true)
        try #require(mkfifo(folder.path + "/fifo", 0o600) == 0)
        for other in [folder.path + "/folder", folder.path + "/fifo", "/dev/zero", "/dev/null"] {
            for demand in [SecureFile.Demand.anybody, .secret] {
                #expect(throws: SecureFileError("\(other) is no file")) {
                    try SecureFile.read(other, maxBytes: 9, demanding: demand)
                }
            }
        }
    }

    @Test func `a link is refused, wherever it leads`() throws {
        try SecureFile.replace(path, with: [1])
        for target in [path, "nowhere", "link", "."] {
            let link = folder.path + "/link"
            try? FileManager.default.removeItem(atPath: link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
            for demand in [SecureFile.Demand.anybody, .secret] {
                let error = #expect(throws: SecureFileError.self) {
                    try SecureFile.read(link, maxBytes: 9, demanding: demand)
                }
                #expect(error?.description == "\(link) is a symbolic link: name the file itself")
            }
            #expect(throws: SecureFileError.self) { try SecureFile.replace(link, with: [2]) }
            #expect(try !SecureFile.make(link, with: [2]))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        }
        #expect(try SecureFile.read(path, maxBytes: 1, demanding: .secret).bytes == [1])
        #expect(folder.names == ["link", "secret"])
    }

    @Test func `a missing file is told from others`() throws {
        let error = #expect(throws: SecureFileError.self) {
            try SecureFile.read(path, maxBytes: 9, demanding: .secret)
        }
        #expect(error?.isMissing == true && error?.mayPass == false)
        #expect(FileStamp(of: path) == nil)
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777])
    func `a secret that others may use is refused, and says what to do`(mode: Int) throws {
        try SecureFile.replace(path, with: Array("secret".utf8))
        try folder.setMode(mode, of: path)
        let error = #expect(throws: SecureFileError.self) {
            try SecureFile.read(path, maxBytes: 9, demanding: .secret)
        }
        #expect(error?.description.contains("chmod 600") == true)
        #expect(error?.description.contains(path) == true)
        #expect(try SecureFile.read(path, maxBytes: 9, demanding: .anybody).bytes == Array("secret".utf8))
    }

    @Test func `a file of the longest size is read, a longer one is not, nor one without an end`() throws {
        try SecureFile.replace(path, with: [UInt8](repeating: 7, count: 200_000))
        #expect(try SecureFile.read(path, maxBytes: 200_000, demanding: .secret).bytes.count == 200_000)
        #expect(throws: SecureFileError("the file \(path) has more than 199999 bytes")) {
            try SecureFile.read(path, maxBytes: 199_999, demanding: .secret)
        }
        try SecureFile.replace(path, with: [])
        #expect(try SecureFile.read(path, maxBytes: 0, demanding: .secret).bytes.isEmpty)
        // The system says that it is empty, and makes it up as it is read.
        #expect(throws: SecureFileError.self) {
            try SecureFile.read("/proc/self/maps", maxBytes: 10, demanding: .anybody)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `a secret of another user is root's to read`() throws {
        try SecureFile.replace(path, with: [1])
        try #require(chown(path, 12345, 12345) == 0)
        #expect(try SecureFile.read(path, maxBytes: 9, demanding: .secret).bytes == [1])
    }

    // MARK: writing

    @Test(arguments: [0o000, 0o022, 0o077, 0o277, 0o777])
    func `files and folders are their owner's alone, whatever the umask`(mask: mode_t) throws {
        let before = umask(mask)
        defer { umask(before) }
        try SecureFile.replace(folder.path + "/deep/er/replaced", with: [1])
        #expect(try SecureFile.make(folder.path + "/wide/r/made", with: [2]))
        try SecureFile.makeFolder(folder.path + "/only/folders/")
        for name in ["deep", "deep/er", "wide", "wide/r", "only", "only/folders"] {
            #expect(try folder.mode(of: folder.path + "/" + name) == 0o700, "\(name)")
        }
        for name in ["deep/er/replaced", "wide/r/made"] {
            #expect(try folder.mode(of: folder.path + "/" + name) == 0o600, "\(name)")
        }
    }

    @Test func `what is replaced becomes its owner's alone, and folders that are there stay as they are`() throws {
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try folder.setMode(0o755, of: folder.path)
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        try folder.setMode(0o666, of: path)
        let stamp = FileStamp(of: path)
        try SecureFile.replace(path, with: Array("new".utf8))
        let (bytes, newStamp) = try SecureFile.read(path, maxBytes: 3, demanding: .secret)
        #expect(bytes == Array("new".utf8))
        #expect(newStamp != stamp && newStamp == FileStamp(of: path))
        #expect(try folder.mode(of: path) == 0o600)
        #expect(try folder.mode(of: folder.path) == 0o755)
        #expect(folder.names == ["secret"])
    }

    @Test func `a file that is there is not made again`() throws {
        #expect(try SecureFile.make(path, with: Array("one".utf8)))
        #expect(try !SecureFile.make(path, with: Array("two".utf8)))
        #expect(try SecureFile.read(path, maxBytes: 3, demanding: .secret).bytes == Array("one".utf8))
        #expect(folder.names == ["secret"])
    }

    @Test func `what is no file is not replaced`() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try #require(mkfifo(folder.path + "/fifo", 0o600) == 0)
        for other in [path, folder.path + "/fifo", "/dev/null"] {
            #expect(throws: SecureFileError("\(other) is no file")) { try SecureFile.replace(other, with: [1]) }
        }
        #expect(folder.names == ["fifo", "secret"])
    }

    @Test func `a folder is not made where something else is`() throws {
        try SecureFile.replace(path, with: [1])
        #expect(throws: SecureFileError("\(path) is no folder")) { try SecureFile.makeFolder(path) }
        #expect(throws: SecureFileError.self) { try SecureFile.replace(path + "/below", with: [1]) }
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "nowhere")
        #expect(throws: SecureFileError("\(link) is a symbolic link that leads nowhere: make what it leads to")) {
            try SecureFile.makeFolder(link)
        }
        #expect(folder.names == ["link", "secret"])
    }

    @Test func `a disk that is full leaves everything as it was, and may pass`() throws {
        try SecureFile.replace(path, with: Array("old".utf8))
        // No file may be longer: as a full disk, and without one.
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        let before = limit
        signal(SIGXFSZ, SIG_IGN)
        limit.rlim_cur = 10
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        defer {
            var before = before
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before)
        }
        #expect(throws: SecureFileError.self) {
            try SecureFile.replace(path, with: [UInt8](repeating: 1, count: 100))
        }
        #expect(throws: SecureFileError.self) {
            try SecureFile.make(folder.path + "/made", with: [UInt8](repeating: 1, count: 100))
        }
        #expect(try SecureFile.read(path, maxBytes: 9, demanding: .secret).bytes == Array("old".utf8))
        #expect(folder.names == ["secret"])
        #expect(SecureFileError("full", number: ENOSPC).mayPass)
    }
}

/// A folder that is not made yet, and is removed at the end.
private final class TemporaryFolder: Sendable {
    let path = NSTemporaryDirectory() + "secure-\(UUID().uuidString)"

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}
