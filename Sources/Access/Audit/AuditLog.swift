internal import Dispatch
internal import EventSourcing
public import Logging
internal import SecureFiles
internal import Synchronization

/// Counts what an auditor wants to see, and writes it into a file, if there is one: a JSON object a line.
///
/// Writing never blocks a caller: lines wait in a bounded backlog for a queue of their own, and what cannot be written is
/// counted. Of each event that strangers can cause, at most ``maxLines`` are written a second; a line says how many were
/// suppressed.
public final class AuditLog: Sendable {
    /// Lines a second of each event that strangers can cause; ten seconds' worth may come at once.
    static let maxLines = 10
    /// The most bytes that wait to be written.
    static let maxBacklog = 1 << 20

    private let service: String
    private let path: String?
    private let logger: Logger
    private let limit: RateLimit<AuditRecord.Event>
    private let queue = DispatchQueue(label: "audit-log")
    private let state = Mutex(State())
    private let file: Mutex<AuditFile>

    private struct State {
        var counts: [AuditRecord.Event: UInt64] = [:]
        /// What was left out since the last line of the event.
        var suppressed: [AuditRecord.Event: UInt64] = [:]
        var suppressedCount: UInt64 = 0
        var lost: UInt64 = 0
        var backlog: [UInt8] = []
        var linesInBacklog: UInt64 = 0
        var isScheduled = false
        var failure: String?
    }

    /// A log of a service, which tells of itself in each line; without a path it only counts.
    public init(_ path: String?, service: String, logger: Logger) {
        self.path = path
        self.service = service
        self.logger = logger
        guard let rate = Rate(perSecond: Self.maxLines) else { preconditionFailure("a rate from 1 to 1,000,000") }
        limit = RateLimit(rate, burst: 10)
        file = Mutex(AuditFile(path ?? ""))
    }

    /// Opens the file, so that a path that is wrong is found at the start.
    public func open() throws(AccessError) {
        guard path != nil else { return }
        do throws(SecureFileError) {
            try file.withLock { file throws(SecureFileError) in try file.open() }
        } catch {
            throw AccessError("\(error)", mayPass: error.mayPass)
        }
    }

    /// How often each event happened, whether or not it was written.
    public var counts: [(event: String, count: UInt64)] {
        state.withLock { state in
            AuditRecord.Event.allCases.map { (event: $0.rawValue, count: state.counts[$0] ?? 0) }
        }
    }

    /// How many lines were left out, since there were too many at once.
    public var suppressedLines: UInt64 { state.withLock { $0.suppressedCount } }

    /// How many lines could not be written.
    public var lostLines: UInt64 { state.withLock { $0.lost } }

    /// What an operator must know: that lines cannot be written now.
    public var warnings: [String] { state.withLock { $0.failure.map { [$0] } ?? [] } }

    /// Counts a record, and writes it soon.
    public func record(_ record: AuditRecord) {
        state.withLock { $0.counts[record.event, default: 0] += 1 }
        guard path != nil else { return }
        guard !record.event.isLimited || limit.take(for: record.event) == nil else {
            state.withLock { state in
                state.suppressed[record.event, default: 0] += 1
                state.suppressedCount += 1
            }
            return
        }
        let line = record.line(of: service, at: .now())
        let isToSchedule = state.withLock { state in
            if let count = state.suppressed.removeValue(forKey: record.event) {
                Self.add(suppressedLine(record.event, count), to: &state)
            }
            Self.add(line, to: &state)
            return Self.schedules(&state)
        }
        if isToSchedule { queue.async { self.drain() } }
    }

    /// Writes how many lines were left out, if any were. To be called about once a second.
    public func tick() {
        let isToSchedule = state.withLock { state in
            for (event, count) in state.suppressed where limit.take(for: event) == nil {
                state.suppressed[event] = nil
                Self.add(suppressedLine(event, count), to: &state)
            }
            return Self.schedules(&state)
        }
        if isToSchedule { queue.async { self.drain() } }
    }

    /// Closes the file, so that the next line opens it anew.
    public func reopen() {
        guard path != nil else { return }
        queue.async { self.file.withLock { $0.close() } }
    }

    /// Returns when all that was recorded before is written, or cannot be.
    public func flush() async {
        guard path != nil else { return }
        await withCheckedContinuation { continuation in
            queue.async {
                self.drain()
                continuation.resume()
            }
        }
    }

    private static func add(_ line: [UInt8], to state: inout State) {
        guard state.backlog.count + line.count <= maxBacklog else {
            state.lost += 1
            return
        }
        state.backlog += line
        state.linesInBacklog += 1
    }

    /// Whether the backlog must be given to the queue; it is then taken for given.
    private static func schedules(_ state: inout State) -> Bool {
        guard !state.isScheduled, !state.backlog.isEmpty else { return false }
        state.isScheduled = true
        return true
    }

    private func suppressedLine(_ event: AuditRecord.Event, _ count: UInt64) -> [UInt8] {
        SuppressedLines(event: event, count: count).line(of: service, at: .now())
    }

    /// Runs on the queue.
    private func drain() {
        let (lines, count) = state.withLock { state in
            defer {
                state.backlog = []
                state.linesInBacklog = 0
                state.isScheduled = false
            }
            return (state.backlog, state.linesInBacklog)
        }
        guard !lines.isEmpty else { return }
        do {
            try file.withLock { file in try file.append(lines) }
            state.withLock { $0.failure = nil }
        } catch {
            let failure = "AUDIT_LOG: \(error)"
            let isNew = state.withLock { state in
                defer { state.failure = failure }
                state.lost += count
                return state.failure != failure
            }
            if isNew { logger.error("the audit log cannot be written", metadata: ["reason": "\(error)"]) }
        }
    }
}
