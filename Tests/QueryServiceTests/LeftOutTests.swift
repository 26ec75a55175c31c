import EventLogProtocol
import EventSourcing
import Testing

@testable import QueryService

/// Leaves out the streams with a record that holds no number, and sums up the others.
private struct Sums: Projection {
    static let name = "sums"

    private(set) var sums: [String: Int] = [:]
    private var unreadable: [RevisionError] = []

    mutating func apply(_ record: RecordedEvent) {
        let name = record.stream.name
        guard !unreadable.contains(where: { $0.stream == record.stream }) else { return }
        if let number = Int(String(decoding: record.event.data, as: UTF8.self)) {
            sums[name, default: 0] += number
        } else {
            sums[name] = nil
            unreadable.append(RevisionError(record, "no number"))
        }
    }

    var unreadableStreams: Int { unreadable.count }

    func unreadableRecords(limit: Int) -> [RevisionError] { Array(unreadable.prefix(limit)) }
}

/// A projection that leaves out streams goes on, and says what it leaves out.
@Suite struct LeftOutTests {
    private let host = ProjectionHost<Sums>(logger: silence) { Sums() }

    init() {
        host.begin(after: .beginning)
        host.reaches(0)
    }

    @Test func `it is live, not stale, and names the record`() async throws {
        host.consume([
            record(1, of: "a", version: 1), record(2, of: "b", version: 1, data: "poison"),
            record(3, of: "b", version: 2), record(4, of: "a", version: 2),
        ])
        host.reaches(4)
        #expect(host.status.failure == nil)
        #expect(host.status.isLive)
        let reading = try await host.read(atLeast: 4, patience: .zero) { model, _ in model.sums }
        #expect(reading.value == ["a": 5])
        #expect(!reading.isStale)
        #expect(host.leftOut.streams == 1)
        #expect(host.leftOut.records.map(\.position) == [2])
    }

    @Test func `of many it names some`() {
        for position in 1...50 as ClosedRange<UInt64> {
            host.consume([record(position, of: "s\(position)", version: 1, data: "poison")])
        }
        host.reaches(50)
        #expect(host.leftOut.streams == 50)
        #expect(host.leftOut.records.map(\.position) == Array(1...20))
    }

    @Test func `begun again, on a log without the poison, it leaves nothing out`() {
        host.consume([record(1, of: "a", version: 1, data: "poison")])
        host.reaches(1)
        host.restart()
        host.consume([record(1, of: "a", version: 1)])
        host.reaches(1)
        #expect(host.leftOut == LeftOut(Sums()))
    }
}
