import EventLogProtocol
import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import QueryService

@Suite struct CheckpointFileTests {
    private let folder: TemporaryFolder
    private let file: CheckpointFile

    init() throws {
        folder = try TemporaryFolder()
        file = CheckpointFile(in: folder.path, projection: "things", fingerprint: Digest256(1, 2, 3, 4))
    }

    private func write(_ lines: [String], at checkpoint: LogCheckpoint = checkpoint(7)) throws {
        try file.write(checkpoint) { line in for text in lines { try line(Array(text.utf8)) } }
    }

    private func read(_ file: CheckpointFile) throws -> (checkpoint: LogCheckpoint, lines: [String])? {
        try file.read { nextLine in
            var lines: [String] = []
            while let line = try nextLine() { lines.append(String(decoding: line, as: UTF8.self)) }
            return lines
        }.map { ($0.checkpoint, $0.value) }
    }

    private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: file.path))) }

    private func put(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: file.path)) }

    @Test(arguments: [
        [], [""], ["{}"], ["", "", "a", ""], ["Zoë \u{0}\t\r", String(repeating: "x", count: 100_000)],
        (0..<5000).map { "line \($0)" },
    ])
    func `lines come back as they were written`(lines: [String]) throws {
        try write(lines)
        let read = try #require(try read(file))
        #expect(read.checkpoint == checkpoint(7))
        #expect(read.lines == lines)
    }

    @Test func `the file is lines: a head in JSON, the projection's, and SHA-256 of both`() throws {
        try write(["a", "b"])
        let lines = String(decoding: try bytes(), as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5)
        #expect(lines[0].hasPrefix(#"{"projection":"things","schema":""#))
        #expect(lines[1...2] == ["a", "b"])
        #expect(lines[3] == Digest256(hashing: Array((lines[0] + "\na\nb\n").utf8)).description)
        #expect(lines[4].isEmpty)
    }

    @Test func `a newer checkpoint takes the place of the older one, and leaves nothing beside it`() throws {
        try write(["old", "old"], at: checkpoint(1))
        try write(["new"], at: checkpoint(2))
        let read = try #require(try read(file))
        #expect(read.checkpoint == checkpoint(2))
        #expect(read.lines == ["new"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["things.checkpoint"])
    }

    @Test func `where the writing fails, the older checkpoint stays`() throws {
        struct Failure: Error {}
        try write(["old"], at: checkpoint(1))
        #expect(throws: Failure.self) {
            try file.write(checkpoint(2)) { line in
                try line(Array("new".utf8))
                throw Failure()
            }
        }
        #expect(try read(file)?.lines == ["old"])
        // What a write that was cut off left behind is in nobody's way.
        try write(["newer"], at: checkpoint(3))
        #expect(try read(file)?.lines == ["newer"])
    }

    @Test func `I10: damage to any byte is noticed`() throws {
        try write([#"{"id":"a","balance":"1.00"}"#, #"{"id":"b","balance":"2.00"}"#])
        let whole = try bytes()
        for offset in whole.indices {
            for change in [0x01, 0x10, 0x20, 0x80, 0xFF] as [UInt8] {
                var damaged = whole
                damaged[offset] ^= change
                try put(damaged)
                #expect(throws: (any Error).self, "byte \(offset) changed by \(change)") { _ = try read(file) }
            }
            var shorter = whole
            shorter.remove(at: offset)
            // The last line feed ends the file and says nothing.
            if offset < whole.count - 1 {
                try put(shorter)
                #expect(throws: (any Error).self, "without byte \(offset)") { _ = try read(file) }
            }
        }
    }

    @Test func `a file that was cut off, or goes on, is noticed`() throws {
        try write(["a", "b"])
        let whole = try bytes()
        for count in 0..<(whole.count - 1) {
            try put(Array(whole[..<count]))
            #expect(throws: (any Error).self, "cut to \(count) bytes") { _ = try read(file) }
        }
        for more in ["x", "\n", "x\n", String(decoding: whole, as: UTF8.self)] {
            try put(whole + Array(more.utf8))
            #expect(throws: (any Error).self) { _ = try read(file) }
        }
    }

    @Test func `lines that are swapped, doubled or left out are noticed`() throws {
        try write(["a", "b"])
        let lines = String(decoding: try bytes(), as: UTF8.self).split(separator: "\n").map(String.init)
        for order in [[0, 2, 1, 3], [0, 1, 1, 2, 3], [0, 1, 3], [0, 3], [1, 2, 3], [0, 1, 2]] {
            try put(Array(order.map { lines[$0] + "\n" }.joined().utf8))
            #expect(throws: (any Error).self, "\(order)") { _ = try read(file) }
        }
    }

    @Test func `where there is no file, there is no checkpoint`() throws {
        #expect(try read(file) == nil)
    }

    @Test func `a checkpoint of another schema, or of another projection, is refused`() throws {
        try write(["a"])
        let other = CheckpointFile(in: folder.path, projection: "things", fingerprint: Digest256(1, 2, 3, 5))
        #expect(throws: CheckpointFile.Unusable.self) { _ = try read(other) }
        let elsewhere = CheckpointFile(in: folder.path, projection: "others", fingerprint: file.fingerprint)
        try FileManager.default.copyItem(atPath: file.path, toPath: elsewhere.path)
        #expect(throws: CheckpointFile.Unusable.self) { _ = try read(elsewhere) }
    }

    @Test func `where the log is not known yet, nothing is written`() throws {
        for checkpoint in [
            LogCheckpoint.beginning, LogCheckpoint(logID: logID, position: 1, hash: nil),
            LogCheckpoint(logID: nil, position: 1, hash: hash(1)),
        ] {
            #expect(throws: CheckpointFile.Unusable.self) { try write(["a"], at: checkpoint) }
        }
        #expect(try read(file) == nil)
    }

    @Test func `a folder that is not there is named`() throws {
        let nowhere = CheckpointFile(in: folder.path + "/none", projection: "things", fingerprint: file.fingerprint)
        let error = #expect(throws: CheckpointFile.Unusable.self) { try nowhere.write(checkpoint(1)) { _ in } }
        #expect(error?.description.contains(nowhere.path) == true)
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func `any state comes back from its checkpoint`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let lines = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
                String(
                    (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                        Character(Unicode.Scalar(UInt8.random(in: 0x20...0x7E, using: &generator)))
                    })
            }
            let at = LogCheckpoint(
                logID: UniqueID(high: generator.next(), low: generator.next()), position: generator.next() >> 1,
                hash: Digest256(generator.next(), generator.next(), generator.next(), generator.next()))
            try write(lines, at: at)
            let read = try #require(try read(file))
            #expect(read.checkpoint == at)
            #expect(read.lines == lines)
        }
    }
}
