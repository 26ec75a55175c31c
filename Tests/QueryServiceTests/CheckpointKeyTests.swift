import EventLogProtocol
import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import QueryService

/// With a key only what was written with it is read.
@Suite struct CheckpointKeyTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func snapshotKey(_ first: UInt8) throws -> SnapshotKey {
        try #require(SnapshotKey(sharedSecret: [first] + [UInt8](repeating: 9, count: SnapshotKey.length - 1)))
    }

    private func file(_ key: CheckpointKey?) -> CheckpointFile {
        CheckpointFile(in: folder.path, projection: "things", fingerprint: Digest256(1, 2, 3, 4), key: key)
    }

    private func write(_ lines: [String], _ key: CheckpointKey?) throws {
        try file(key).write(checkpoint(7)) { line in for text in lines { try line(Array(text.utf8)) } }
    }

    private func read(_ key: CheckpointKey?) throws -> [String]? {
        try file(key).read { nextLine in
            var lines: [String] = []
            while let line = try nextLine() { lines.append(String(decoding: line, as: UTF8.self)) }
            return lines
        }?.value
    }

    private func expectUnbelieved(_ key: CheckpointKey?, _ words: String) {
        // Nothing is made of its content.
        let error = #expect(throws: CheckpointFile.Unusable.self) {
            try file(key).read { _ in Issue.record("it was read") }
        }
        #expect(error?.description.contains(words) == true, "\(error as Any)")
    }

    private var url: URL { URL(filePath: file(nil).path) }

    @Test func `what was written with a key is read with it, and with no other, and not without`() throws {
        let key = try CheckpointKey(snapshotKey(1))
        try #require(key != nil)
        for lines in [[], ["a", "", "b"], (0..<5000).map { "line \($0)" }] {
            try write(lines, key)
            #expect(try read(key) == lines)
            expectUnbelieved(try CheckpointKey(snapshotKey(2)), "not written with the key")
            #expect(throws: CheckpointFile.Unusable.self) { try read(nil) }
        }
    }

    @Test func `what an older version wrote is not believed if there is a key`() throws {
        try write(["a"], nil)
        #expect(try read(nil) == ["a"])
        expectUnbelieved(try CheckpointKey(snapshotKey(1)), "without the key")
    }

    @Test func `any byte that is altered is noticed, and so are lines that are swapped or left out`() throws {
        let key = try CheckpointKey(snapshotKey(1))
        try write(["a", "b"], key)
        let whole = try Data(contentsOf: url)
        for index in whole.indices.dropLast() {
            var altered = whole
            altered[index] ^= 1
            try altered.write(to: url)
            #expect(throws: CheckpointFile.Unusable.self, "byte \(index)") { try read(key) }
        }
        for count in 0..<(whole.count - 1) {
            try whole.prefix(count).write(to: url)
            #expect(throws: CheckpointFile.Unusable.self, "cut to \(count)") { try read(key) }
        }
        let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n").map(String.init)
        for order in [[0, 2, 1, 3], [0, 1, 1, 2, 3], [0, 1, 3], [0, 3], [0, 1, 2, 3, 3], []] {
            try Data(order.map { lines[$0] + "\n" }.joined().utf8).write(to: url)
            #expect(throws: CheckpointFile.Unusable.self, "\(order)") { try read(key) }
        }
    }

    @Test func `a key that ends with its process is none for a file that is to outlive it`() {
        #expect(CheckpointKey(.ofThisProcess()) == nil)
    }

    @Test func `each purpose has a secret of its own`() throws {
        let key = try snapshotKey(1)
        let secrets = try [
            key.secret(for: "checkpoint"), key.secret(for: "other"), key.secret(for: ""),
            snapshotKey(2).secret(for: "checkpoint"),
        ]
        #expect(Set(secrets).count == 4 && secrets.allSatisfy { $0?.count == 32 })
        #expect(key.secret(for: "checkpoint") == key.secret(for: "checkpoint"))
        #expect(SnapshotKey.ofThisProcess().secret(for: "checkpoint") == nil)
    }

    @Test func `a link is not followed`() throws {
        try write(["a"], nil)
        let other = folder.path + "/other"
        try FileManager.default.moveItem(atPath: url.path, toPath: other)
        try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: other)
        let error = #expect(throws: CheckpointFile.Unusable.self) { try read(nil) }
        #expect(error?.description.contains("symbolic link") == true)
    }
}
