internal import Accounts
public import EventLogProtocol
internal import EventSourcing

/// What became of the accounts of a file.
public struct ImportReport: Hashable, Sendable {
    /// Events recorded now.
    public internal(set) var eventsRecorded = 0
    /// Events that were there already, from an earlier run.
    public internal(set) var eventsFound = 0
    /// Accounts that have another history in the log, with what is different.
    public internal(set) var refusals: [String] = []
    /// The last position recorded; nil where nothing was.
    public internal(set) var position: UInt64?

    /// Nothing done yet.
    public init() {}
}

/// Takes the histories of a file into a live log.
///
/// What an account has there already must be the beginning of its history in the file, or the other way round; only the
/// rest is recorded. So a run that was broken off, or a file that has grown, is simply imported again, and nothing
/// doubles.
public struct RecipeImport: Sendable {
    /// The most events of one append.
    private static let mostEvents = 5000
    private static let mostUnderWay = 64

    private let client: EventLogClient

    /// An import through a client.
    public init(client: EventLogClient) { self.client = client }

    /// Imports every account of a file that can be taken.
    ///
    /// - Parameter progress: is told how many events of how many are done.
    /// - Throws: ``EventLogError`` where the log does not answer. What was recorded stays; run it again.
    public func run(
        _ file: RecipeFile, progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws -> ImportReport {
        var report = ImportReport()
        var done = 0
        let all = file.events
        try await withThrowingTaskGroup(of: (StreamID, ImportReport).self) { group in
            var waiting = file.order.filter { file.histories[$0] != nil }[...]
            func startNext() {
                guard let stream = waiting.popFirst(), let history = file.histories[stream] else { return }
                group.addTask { (stream, try await take(history.events, into: stream)) }
            }
            for _ in 0..<Self.mostUnderWay { startNext() }
            while let (stream, one) = try await group.next() {
                report.eventsRecorded += one.eventsRecorded
                report.eventsFound += one.eventsFound
                report.refusals += one.refusals
                report.position = [report.position, one.position].compactMap { $0 }.max()
                done += file.histories[stream]?.events.count ?? 0
                progress(done, all)
                startNext()
            }
        }
        return report
    }

    private func take(
        _ events: [(type: String, data: [UInt8])], into stream: StreamID
    ) async throws -> ImportReport {
        var report = ImportReport()
        var found = 0
        var last: UniqueID?
        // What is there already.
        while found < events.count {
            let slice = try await client.readStream(
                stream, after: UInt64(found), limit: ReadLimit(events: min(10_000, events.count - found)))
            if slice.events.isEmpty { break }
            // A log must not give more than it was asked for; this one is somebody else's program.
            for record in slice.events.prefix(events.count - found) {
                let event = events[found]
                guard record.type == event.type, record.event.schemaVersion == RecipeLine.schemaVersion,
                    record.event.data == event.data
                else {
                    report.refusals = [
                        "\(stream.name) is there already, with another history: version \(record.streamVersion) is a "
                            + "\(record.type) that the file does not have"
                    ]
                    return report
                }
                found += 1
                last = record.event.id
            }
        }
        report.eventsFound = found
        var rest = events[found...]
        var version = UInt64(found)
        while !rest.isEmpty {
            let part = rest.prefix(Self.mostEvents)
            rest = rest.dropFirst(part.count)
            let new = part.map { event in
                NewEvent(
                    id: UniqueID.version7(at: .now()), type: event.type, schemaVersion: RecipeLine.schemaVersion,
                    data: event.data)
            }
            let write = StreamWrite(stream: stream, expected: .exactly(version, lastEvent: last), events: new)
            switch try await client.append(AppendRequest(writes: [write])) {
            case .committed(let commit):
                report.position = commit.position
                report.eventsRecorded += part.count
            case .conflict:
                report.refusals = ["\(stream.name) was changed by somebody else during the import; run it again"]
                return report
            case .invalid(let reason):
                report.refusals = ["\(stream.name): the log refuses its events: \(reason)"]
                return report
            case .replayed, .keyReused:
                throw EventLogError(.refused, "the log answered as if the append had a key")
            }
            version += UInt64(part.count)
            last = new.last?.id
        }
        return report
    }
}
