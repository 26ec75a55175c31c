import Access
import CommandService
import EventSourcing
import HTTPTypes
import JSON
import QueryService
import ServiceSupport

/// A second, tiny domain: tallies that are counted up, and never beyond 1000. That the services run with it shows that
/// they know nothing of accounts.
struct Tally: Aggregate {
    enum Event: DomainEvent {
        case counted(Int)

        var type: String { "Counted" }
        var schemaVersion: UInt16 { 1 }

        func encoded() -> [UInt8] {
            guard case .counted(let by) = self else { return [] }
            return Array("{\"by\":\(by)}".utf8)
        }

        init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
            do {
                var reader = JSONReader(data)
                guard type == "Counted", case .object(let members) = try reader.readValue(),
                    case .number(let by) = members.first?.value, let by = by.integer
                else { throw EventDecodingError(type: type, schemaVersion: schemaVersion, reason: "no count") }
                self = .counted(Int(by))
            } catch let error as EventDecodingError {
                throw error
            } catch {
                throw EventDecodingError(type: type, schemaVersion: schemaVersion, reason: "\(error)")
            }
        }
    }

    enum Refusal: Error, Hashable {
        case full(at: Int)
        case short(of: Int, at: Int)
        case noSuchEvent
    }

    static let category = "tally"
    static let most = 1000
    var count = 0

    /// What can be asked of a tally.
    enum Command: Hashable, Sendable {
        /// Count it up.
        case count(Int)
        /// Count it down and another one up: both or neither.
        case move(Int, to: String)
        /// Count down again what an earlier event of it counted up.
        case undo(version: UInt64)
    }

    static func referredVersion(in command: Command) -> UInt64? {
        if case .undo(let version) = command { version } else { nil }
    }

    static func otherStreams(for command: Command, on stream: StreamID, referring referred: Event?) -> [StreamID] {
        guard case .move(_, let name) = command, let other = StreamID(category: category, name: name) else { return [] }
        return [other]
    }

    static func decide(
        _ command: Command, in context: borrowing DecisionContext<Tally>
    ) throws(Refusal) -> Decision<Event> {
        let count = context.state.count
        switch command {
        case .count(0): return Decision([])
        case .count(let by):
            guard count + by <= most else { throw .full(at: count) }
            return Decision([.counted(by)])
        case .move(let by, _):
            guard count >= by else { throw .short(of: by, at: count) }
            guard context.others[0].state.count + by <= most else { throw .full(at: context.others[0].state.count) }
            return Decision([.counted(-by)], others: [[.counted(by)]])
        case .undo:
            guard case .counted(let by) = context.referred else { throw .noSuchEvent }
            guard count >= by else { throw .short(of: by, at: count) }
            return Decision([.counted(-by)])
        }
    }

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard case .counted(let by) = event, count + by <= Self.most else {
            throw ImpossibleEvent("counted too far")
        }
        count += by
    }
}

extension Tally: SnapshottableAggregate {
    static let snapshotSchema = "count"

    var snapshotState: [UInt8] { Array("\(count)".utf8) }

    init(snapshotState: [UInt8]) throws(CheckpointError) {
        guard let count = Int(String(decoding: snapshotState, as: UTF8.self)) else { throw CheckpointError("no count") }
        self.init()
        self.count = count
    }
}

/// `POST /tallies/{id}` with `NUMBER`, `NUMBER>ID` or `undo VERSION` as its body.
struct TallyCommands: CommandDomain {
    let collection = "tallies"
    let forwardedPaths: [(path: String, permission: Permission)] = []
    let forwardedParts = ["events"]
    func permission(for command: Tally.Command) -> Permission { .move }
    let feedPaths: Set<String> = []
    let largestBody = 20

    func stream(of id: String) throws(Problem) -> StreamID {
        guard let stream = StreamID(category: Tally.category, name: id) else { throw .notFound(path: id) }
        return stream
    }

    func command(from body: [UInt8]) throws(Problem) -> Tally.Command {
        let text = String(decoding: body, as: UTF8.self)
        if text.hasPrefix("undo "), let version = UInt64(text.dropFirst(5)) { return .undo(version: version) }
        let parts = text.split(separator: ">")
        guard let first = parts.first, let number = Int(first), parts.count <= 2 else {
            throw .invalidParameter("body", "…", expected: "a number")
        }
        return parts.count == 2 ? .move(number, to: String(parts[1])) : .count(number)
    }

    let memberName = "tally"

    /// `ID NUMBER`
    func bulkCommand(from line: [UInt8]) throws(Problem) -> BulkCommand<Tally.Command> {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 2 else { throw .invalidParameter("line", "…", expected: "an id and a number") }
        return BulkCommand(
            id: String(words[0]), command: try command(from: Array(words[1].utf8)), key: nil, version: nil)
    }

    func canonicalBytes(of command: Tally.Command) -> [UInt8] { Array("\(command)".utf8) }

    func isCreation(_ command: Tally.Command) -> Bool { false }

    func write(
        _ revision: Revision<Tally>, answering _: Tally.Command, to writer: inout JSONWriter, amounts _: DecimalForm
    ) {
        writer.integer(revision.state.count)
    }

    let amountMembers: Set<String> = []

    func problem(for refusal: Tally.Refusal, of stream: StreamID, to sender: CommandSender?) -> Problem {
        Problem(.conflict, "full", title: "Full", detail: "\(refusal)")
    }

    func problem(forUnreadable error: RevisionError, to sender: CommandSender?) -> Problem {
        Problem(.serviceUnavailable, "unreadable", title: "Unreadable", detail: "\(error)")
    }

    func problem(forUnseen stream: StreamID) -> Problem { .notFound(path: stream.name) }
}

/// The sum of all tallies.
struct TallySum: Projection, Sendable {
    static let name = "sum"
    private(set) var sum = 0
    private(set) var events = 0

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        let event: Tally.Event
        do {
            event = try Tally.Event(
                type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
        } catch {
            throw RevisionError(record, error.description)
        }
        guard case .counted(let by) = event else { return }
        sum += by
        events += 1
    }
}
