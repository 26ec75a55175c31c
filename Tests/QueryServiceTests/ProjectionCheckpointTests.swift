import EventLogProtocol
import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import QueryService

/// A projection goes on from its checkpoint, whatever happened since.
@Suite struct ProjectionCheckpointTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A projection that has followed the tests' log up to a position.
    private func followed(to position: UInt64) -> ProjectionHost<Sum> {
        let host = ProjectionHost<Sum>(logger: silence)
        host.begin(after: .beginning)
        host.reaches(0)
        if position > 0 { host.consume(records(1...position)) }
        host.reaches(position)
        return host
    }

    private func isWritten(_ name: String = "sum") -> Bool {
        FileManager.default.fileExists(atPath: "\(folder.path)/\(name).checkpoint")
    }

    @Test(arguments: [1, 64, 65, 1000] as [UInt64])
    func `I5: a projection is the same after a restart, at its checkpoint and after the tail`(
        position: UInt64
    ) async throws {
        followed(to: position).save(to: folder.path, after: 1)
        let host = ProjectionHost<Sum>(logger: silence)
        #expect(host.load(from: folder.path) == checkpoint(position))
        host.begin(after: checkpoint(position))
        #expect(host.status.position == position)
        host.consume(records((position + 1)...(position + 10)))
        host.reaches(position + 10)
        let reading = try await host.read(atLeast: position + 10, patience: .zero) { model, _ in
            (model.sum, model.positions)
        }
        #expect(reading.value.0 == sum(to: position + 10))
        #expect(reading.value.1 == Array(1...(position + 10)))
    }

    @Test func `I7: what was read from a checkpoint is shown only when the log's head is reached`() async throws {
        followed(to: 5).save(to: folder.path, after: 1)
        let host = ProjectionHost<Sum>(logger: silence)
        host.begin(after: try #require(host.load(from: folder.path)))
        await #expect(throws: ProjectionHost<Sum>.ReadFailure.notCaughtUp(position: 5)) {
            try await host.sum(atLeast: 0, patience: .milliseconds(5))
        }
        host.reaches(5)
        #expect(try await host.sum(atLeast: 0).value == sum(to: 5))
    }

    @Test func `a checkpoint is written where so many records have come since the last`() throws {
        let host = followed(to: 9)
        host.save(to: folder.path, after: 10)
        #expect(!isWritten())
        host.consume(records(10...10))
        host.save(to: folder.path, after: 10)
        #expect(isWritten())
        host.consume(records(11...19))
        host.save(to: folder.path, after: 10)
        #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == checkpoint(10))
        host.consume(records(20...20))
        host.save(to: folder.path, after: 10)
        #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == checkpoint(20))
    }

    @Test func `where nothing new has come, the checkpoint is left as it is`() throws {
        followed(to: 4).save(to: folder.path, after: 1)
        let host = ProjectionHost<Sum>(logger: silence)
        host.begin(after: try #require(host.load(from: folder.path)))
        try FileManager.default.removeItem(atPath: "\(folder.path)/sum.checkpoint")
        host.save(to: folder.path, after: 1)
        #expect(!isWritten())
    }

    @Test func `nothing is written before the log is known`() {
        let host = ProjectionHost<Sum>(logger: silence)
        host.begin(after: .beginning)
        host.consume(records(1...3))
        host.save(to: folder.path, after: 1)
        #expect(!isWritten())
        host.reaches(3)
        host.save(to: folder.path, after: 1)
        #expect(isWritten())
    }

    @Test func `a projection that stopped writes what it held before the poison`() async throws {
        let host = followed(to: 2)
        host.consume([record(3, data: "poison"), record(4)])
        host.reaches(4)
        host.save(to: folder.path, after: 1)
        let fixed = ProjectionHost<Sum>(logger: silence)
        #expect(fixed.load(from: folder.path) == checkpoint(2))
        fixed.begin(after: checkpoint(2))
        // The code that can read the record is there now.
        fixed.consume([record(3, data: "3"), record(4)])
        fixed.reaches(4)
        let reading = try await fixed.sum(atLeast: 4)
        #expect(reading.value == sum(to: 4))
        #expect(!reading.isStale)
    }

    @Test(arguments: ["", "{}\n", "garbage"])
    func `a damaged checkpoint is passed over, and the projection begins anew`(content: String) throws {
        try Data(content.utf8).write(to: URL(filePath: "\(folder.path)/sum.checkpoint"))
        let host = ProjectionHost<Sum>(logger: silence)
        #expect(host.load(from: folder.path) == nil)
        #expect(host.status.position == 0)
    }

    @Test func `a checkpoint that the projection cannot read is passed over`() throws {
        let file = CheckpointFile(
            in: folder.path, projection: Sum.name, fingerprint: Digest256(hashing: Array(Sum.schema.utf8)))
        try file.write(checkpoint(7)) { line in try line(Array("seven".utf8)) }
        let host = ProjectionHost<Sum>(logger: silence)
        #expect(host.load(from: folder.path) == nil)
        #expect(host.status.position == 0)
        try file.write(checkpoint(7)) { line in try line(Array("7 7".utf8)) }
        #expect(host.load(from: folder.path) == checkpoint(7))
    }

    // MARK: several projections of one log

    /// Writes the checkpoint of ``Count`` at a position.
    private func saveCount(at position: UInt64, of log: UniqueID = logID) {
        let host = ProjectionHost<Count>(logger: silence)
        host.begin(after: .beginning)
        host.consume(records(1...position))
        host.followed(isLive: true, at: checkpoint(position, of: log), head: position)
        host.save(to: folder.path, after: 1)
    }

    @Test func `I8: the log is followed from the older checkpoint, and nothing is applied twice`() async throws {
        followed(to: 8).save(to: folder.path, after: 1)
        saveCount(at: 3)
        let (sums, counts) = (ProjectionHost<Sum>(logger: silence), ProjectionHost<Count>(logger: silence))
        let recent = ProjectionHost(window: 100, logger: silence) { RecentEvents(limit: 100, after: $0) }
        let set = ProjectionSet([sums, counts, recent], logger: silence)
        #expect(set.begin(loadingFrom: folder.path) == checkpoint(3))
        #expect(sums.status.position == 8)
        #expect(counts.status.position == 3)
        #expect(recent.status.position == 3)

        set.consume(records(4...6))
        set.followed(isLive: true, at: checkpoint(6), head: 6)
        // What is behind the newer checkpoint cannot tell whether that is the log's head.
        #expect(!sums.status.isLive)
        #expect(counts.status.isLive)
        set.consume(records(7...12))
        set.followed(isLive: true, at: checkpoint(12), head: 12)
        #expect(sums.status.isLive)
        let positions = try await sums.read(atLeast: 12, patience: .zero) { model, _ in model.positions }
        #expect(positions.value == Array(1...12))
        #expect(try await counts.read(atLeast: 12, patience: .zero) { model, _ in model.count }.value == 12)
        let held = try await recent.read(atLeast: 12, patience: .zero) { model, _ in
            (model.records(after: 3, limit: 100), model.records(after: 2, limit: 100))
        }
        #expect(held.value.0 == .records(records(4...12)))
        #expect(held.value.1 == .older)
    }

    @Test func `where one has no checkpoint, the log is followed from its beginning`() async throws {
        followed(to: 8).save(to: folder.path, after: 1)
        let (sums, counts) = (ProjectionHost<Sum>(logger: silence), ProjectionHost<Count>(logger: silence))
        let set = ProjectionSet([sums, counts], logger: silence)
        #expect(set.begin(loadingFrom: folder.path) == .beginning)
        set.consume(records(1...10))
        set.followed(isLive: true, at: checkpoint(10), head: 10)
        #expect(try await sums.sum(atLeast: 10).value == sum(to: 10))
        #expect(try await counts.read(atLeast: 10, patience: .zero) { model, _ in model.count }.value == 10)
    }

    @Test func `checkpoints of different logs are worth nothing`() async throws {
        followed(to: 8).save(to: folder.path, after: 1)
        saveCount(at: 3, of: UniqueID(high: 9, low: 9))
        let (sums, counts) = (ProjectionHost<Sum>(logger: silence), ProjectionHost<Count>(logger: silence))
        let set = ProjectionSet([sums, counts], logger: silence)
        #expect(set.begin(loadingFrom: folder.path) == .beginning)
        set.consume(records(1...2))
        set.followed(isLive: true, at: checkpoint(2), head: 2)
        #expect(try await sums.sum(atLeast: 0).value == sum(to: 2))
        #expect(try await counts.read(atLeast: 0, patience: .zero) { model, _ in model.count }.value == 2)
    }

    @Test func `where the log went back, all begin anew and nothing of before is shown`() async throws {
        let host = followed(to: 8)
        let set = ProjectionSet([host], logger: silence)
        let waiting = Task { try await host.sum(atLeast: 9) }
        try await eventually("a reader waits") { host.waiting == 1 }
        #expect(set.diverged(.wentBack(held: 8, head: 3)) == .beginning)
        #expect(host.status.position == 0)
        set.consume(records(1...3))
        set.followed(isLive: true, at: checkpoint(3), head: 3)
        #expect(try await host.sum(atLeast: 0).value == sum(to: 3))
        // Who asked for a position of the old history waits for one of the new.
        #expect(host.waiting == 1)
        set.consume(records(4...9))
        #expect(try await waiting.value.value == sum(to: 9))
        // The new history is written down too.
        host.reaches(9)
        host.save(to: folder.path, after: 1)
        #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == checkpoint(9))
    }
}
