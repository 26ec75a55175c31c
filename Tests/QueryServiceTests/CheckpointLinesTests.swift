import Glibc
import TestSupport
import Testing

@testable import QueryService

@Suite struct CheckpointLinesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { "\(folder.path)/lines" }

    private func lines(of content: [UInt8]) throws -> [[UInt8]] {
        let file = try #require(fopen(path, "w"))
        #expect(fwrite(content, 1, content.count, file) == content.count)
        fclose(file)
        let lines = try #require(try CheckpointLines.open(path))
        var found: [[UInt8]] = []
        while let line = try lines.next() { found.append(line) }
        #expect(try lines.next() == nil)
        return found
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func `lines come as they stand, wherever a part of the file ends`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var written: [[UInt8]] = []
        for _ in 0..<40 {
            let longest = [0, 1, 100, 70_000, CheckpointLines.maxLineLength].randomElement(using: &generator) ?? 0
            written.append([UInt8](repeating: 7, count: .random(in: 0...longest, using: &generator)))
        }
        #expect(try lines(of: written.flatMap { $0 + [0x0A] }) == written)
        // The last line feed may be missing.
        let rest = [UInt8](repeating: 8, count: 300_000)
        #expect(try lines(of: written.flatMap { $0 + [0x0A] } + rest) == written + [rest])
    }

    @Test func `an empty file has no lines`() throws {
        #expect(try lines(of: []) == [])
        #expect(try lines(of: [0x0A]) == [[]])
    }

    @Test(arguments: [true, false]) func `a line beyond the limit is refused`(ends: Bool) throws {
        let line = [UInt8](repeating: 7, count: CheckpointLines.maxLineLength + 1)
        #expect(try lines(of: Array(line.dropLast())) == [Array(line.dropLast())])
        #expect(throws: CheckpointFile.Unusable.self) { try lines(of: ends ? line + [0x0A] : line) }
    }

    @Test func `what is not there has no lines, and a pipe or a folder is not read`() throws {
        #expect(try CheckpointLines.open(path) == nil)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: CheckpointFile.Unusable.self) { _ = try CheckpointLines.open(path) }
        #expect(throws: CheckpointFile.Unusable.self) { _ = try CheckpointLines.open(folder.path) }
        #expect(throws: CheckpointFile.Unusable.self) { _ = try CheckpointLines.open("/dev/zero") }
    }
}
