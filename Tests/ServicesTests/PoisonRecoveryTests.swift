import EventLogProtocol
import EventSourcing
import Foundation
import QueryService
import ServiceSupport
import TestSupport
import Testing
import ZeroMQ

/// How a version of a program reads the number in an event.
private protocol NumberReading: Sendable {
    static func number(in data: String) -> Int?
}

/// The program as it was: it knows numbers only.
private enum BeforeTheFix: NumberReading {
    static func number(in data: String) -> Int? { Int(data) }
}

/// The program with the fix: it knows numbers in quotes too.
private enum AfterTheFix: NumberReading {
    static func number(in data: String) -> Int? { Int(data.trimmingCharacters(in: ["\""])) }
}

/// The sum of all numbers in a log. The fix changes nothing of what it has summed up before, nor of its form, so its
/// schema is the same.
private struct NumberSum<Reading: NumberReading>: CheckpointedProjection {
    static var name: String { "numbers" }
    static var schema: String { "sum; 1" }

    private(set) var sum = 0
    /// How many records were applied since it was made, or read from its checkpoint.
    private(set) var applied = 0

    init() {}

    init(reading nextLine: () throws -> [UInt8]?) throws {
        guard let line = try nextLine(), let sum = Int(String(decoding: line, as: UTF8.self)) else {
            throw CheckpointError("expected a number")
        }
        self.sum = sum
    }

    func write(_ line: ([UInt8]) throws -> Void) rethrows { try line(Array("\(sum)".utf8)) }

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        guard let number = Reading.number(in: String(decoding: record.event.data, as: UTF8.self)) else {
            throw RevisionError(record, "no number")
        }
        sum += number
        applied += 1
    }
}

@Suite struct PoisonRecoveryTests {
    private func append(_ data: [String], _ client: EventLogClient) async throws {
        let events = data.map {
            NewEvent(id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array($0.utf8))
        }
        let stream = try #require(StreamID(category: "test", name: "t"))
        let write = StreamWrite(stream: stream, expected: .any, events: events)
        guard case .committed = try await client.append(AppendRequest(writes: [write])) else {
            throw TooLate(description: "the events were not recorded")
        }
    }

    /// Runs a query service with a projection for as long as `body` takes: one run of one version of the program.
    private func withQueries<Reading: NumberReading>(
        _: Reading.Type, _ place: Place, checkpoints: CheckpointPolicy?,
        _ body: (QueryService, ProjectionHost<NumberSum<Reading>>) async throws -> Void
    ) async throws {
        let context = try Context()
        let host = ProjectionHost<NumberSum<Reading>>(logger: quiet)
        let service = try QueryService(
            log: place.address, projections: ProjectionList(host), checkpoints: checkpoints, context: context,
            logger: quiet)
        try await running([service]) { try await body(service, host) }
        #expect(await context.close())
    }

    @Test(.timeLimit(.minutes(2)), arguments: [true, false])
    func `a projection resumes after a fix without manual surgery`(withCheckpoints: Bool) async throws {
        try await withLog { client, place in
            let folder = try TemporaryFolder()
            let checkpoints = withCheckpoints ? CheckpointPolicy(folder: folder.path, interval: 1000) : nil
            // Each in an append of its own: what stands in one is shown whole or not at all.
            for number in ["1", "2", "3", "\"4\"", "5"] { try await append([number], client) }

            try await withQueries(BeforeTheFix.self, place, checkpoints: checkpoints) { service, host in
                try await eventually("the projection stops") { host.status.failure != nil }
                let missing = await service.readiness().missing
                #expect(missing.count == 1)
                #expect(missing.first?.contains("numbers stopped before position 4") == true, "\(missing)")
                #expect(missing.first?.contains("no number") == true, "\(missing)")
                let reading = try await host.read(atLeast: 0, patience: .seconds(10)) { model, _ in model.sum }
                #expect(reading.value == 6)
                #expect(reading.position == 3)
                #expect(reading.isStale)
                // The log goes on, and the projection does not skip.
                try await append(["6"], client)
                try await eventually("the record after is heard of") { host.status.head == 6 }
                #expect(host.status.position == 3)
            }

            // Started again without the fix it is no better, and loses nothing.
            try await withQueries(BeforeTheFix.self, place, checkpoints: checkpoints) { _, host in
                try await eventually("the projection stops") { host.status.failure?.position == 4 }
                #expect(host.status.position == 3)
            }

            try await withQueries(AfterTheFix.self, place, checkpoints: checkpoints) { service, host in
                let reading = try await host.read(atLeast: 6, patience: .seconds(30)) { model, _ in
                    (model.sum, model.applied)
                }
                #expect(reading.value.0 == 21)
                // From its checkpoint it goes on just where it stopped; without one, from the beginning.
                #expect(reading.value.1 == (withCheckpoints ? 3 : 6))
                #expect(!reading.isStale)
                #expect(await service.readiness().missing.isEmpty)
                try await append(["7"], client)
                #expect(try await host.read(atLeast: 7, patience: .seconds(30)) { model, _ in model.sum }.value == 28)
            }
        }
    }
}
