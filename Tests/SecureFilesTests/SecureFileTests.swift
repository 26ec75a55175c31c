import Foundation
import SecureFiles
import Testing

@Suite struct SecureFileTests {
    @Test func `a file that was made is its owner's alone, whatever the umask`() throws {
        let folder = NSTemporaryDirectory() + "secure-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/deep/secret"
        #expect(try SecureFile.make(path, with: Array("one".utf8)))
        #expect(try !SecureFile.make(path, with: Array("two".utf8)))
        #expect(try SecureFile.read(path, maxBytes: 3, demanding: .secret).bytes == Array("one".utf8))
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/deep")[.posixPermissions]
        #expect(mode as? Int == 0o700)
    }

    @Test func `a secret that others may read, a link and a long file are refused`() throws {
        let folder = NSTemporaryDirectory() + "secure-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/secret"
        try SecureFile.replace(path, with: Array("secret".utf8))
        #expect(throws: SecureFileError.self) { try SecureFile.read(path, maxBytes: 5, demanding: .secret) }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: path)
        #expect(throws: SecureFileError.self) {
            try SecureFile.read(folder + "/link", maxBytes: 9, demanding: .anybody)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: SecureFileError.self) { try SecureFile.read(path, maxBytes: 9, demanding: .secret) }
        #expect(try SecureFile.read(path, maxBytes: 9, demanding: .anybody).bytes == Array("secret".utf8))
    }
}
