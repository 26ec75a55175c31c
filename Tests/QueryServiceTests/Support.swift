import EventLogProtocol
import EventSourcing
import Logging
import Synchronization

@testable import QueryService

/// The sum of what the records of a log hold, and where it stands. A record that holds no number is poison to it.
struct Sum: CheckpointedProjection {
    static let name = "sum"
    static let schema = "sum; 1"

    private(set) var sum = 0
    private(set) var positions: [UInt64] = []

    init() {}

    init(reading nextLine: () throws -> [UInt8]?) throws {
        guard let line = try nextLine(), try nextLine() == nil else { throw CheckpointError("expected one line") }
        let numbers = String(decoding: line, as: UTF8.self).split(separator: " ").map { Int($0) }
        guard let first = numbers.first, let sum = first else { throw CheckpointError("expected numbers") }
        self.sum = sum
        positions = try numbers.dropFirst().map {
            guard let position = $0 else { throw CheckpointError("expected numbers") }
            return UInt64(position)
        }
    }

    func write(_ line: ([UInt8]) throws -> Void) rethrows {
        try line(Array(([sum] + positions.map { Int($0) }).map(String.init).joined(separator: " ").utf8))
    }

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        guard let number = Int(String(decoding: record.event.data, as: UTF8.self)) else {
            throw RevisionError(record, "no number")
        }
        sum += number
        positions.append(record.position)
    }
}

/// Takes in everything, so what ``Sum`` cannot read as well.
struct Count: CheckpointedProjection {
    static let name = "count"
    static let schema = "count; 1"

    private(set) var count = 0

    init() {}

    init(reading nextLine: () throws -> [UInt8]?) throws {
        guard let line = try nextLine(), let count = Int(String(decoding: line, as: UTF8.self)) else {
            throw CheckpointError("expected a number")
        }
        self.count = count
    }

    func write(_ line: ([UInt8]) throws -> Void) rethrows { try line(Array("\(count)".utf8)) }

    mutating func apply(_ record: RecordedEvent) { count += 1 }
}

let logID = UniqueID(high: 1, low: 2)

/// A logger that says nothing: what goes wrong on purpose is no news.
var silence: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

/// The hash of the record at a position of the tests' log; these tests prove no chains.
func hash(_ position: UInt64) -> Digest256 { Digest256(position, 0, 0, 0) }

func record(
    _ position: UInt64, of name: String = "a", version: UInt64? = nil, data: String? = nil, continues: Bool = false
) -> RecordedEvent {
    RecordedEvent(
        position: position, stream: StreamID(category: "test", name: name)!, streamVersion: version ?? position,
        recordedAt: Timestamp(microseconds: Int64(position)),
        event: NewEvent(
            id: UniqueID(high: 0, low: position), type: "Counted", schemaVersion: 1,
            data: Array((data ?? "\(position)").utf8)),
        continues: continues, hash: hash(position))
}

/// The records of one append whose numbers are their positions.
func append(_ positions: ClosedRange<UInt64>) -> [RecordedEvent] {
    positions.map { record($0, continues: $0 < positions.upperBound) }
}

/// Records whose numbers are their positions.
func records(_ positions: ClosedRange<UInt64>) -> [RecordedEvent] { positions.map { record($0) } }

/// The checkpoint at a position of the tests' log.
func checkpoint(_ position: UInt64, of log: UniqueID = logID) -> LogCheckpoint {
    LogCheckpoint(logID: log, position: position, hash: hash(position))
}

func sum(to position: UInt64) -> Int { Int(position * (position + 1) / 2) }

extension ProjectionHost {
    /// Hears that the follower has handed on everything up to a position, which is the log's head.
    func reaches(_ position: UInt64, isLive: Bool = true) {
        followed(isLive: isLive, at: checkpoint(position), head: position)
    }

    /// Takes in records of which the last is the log's head.
    func consume(_ records: [RecordedEvent]) { consume(records, head: records.last?.position ?? 0) }

    var waiting: Int { state.withLock { $0.waiters.count } }
}

extension ProjectionSet {
    /// Takes in records of which the last is the log's head.
    func consume(_ records: [RecordedEvent]) { consume(records, head: records.last?.position ?? 0) }
}

extension ProjectionHost<Sum> {
    /// Reads the sum with a patience that no test is meant to use up.
    func sum(atLeast position: UInt64, patience: Duration = .seconds(60)) async throws -> Reading<Int> {
        try await read(atLeast: position, patience: patience) { model, _ in model.sum }
    }
}
