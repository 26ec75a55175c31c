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

    enum Refusal: Error, Hashable { case full(at: Int) }

    static let category = "tally"
    static let most = 1000
    var count = 0

    static func decide(
        _ command: Int, in context: borrowing DecisionContext<Tally>
    ) throws(Refusal) -> Decision<Event> {
        Decision(try context.state.decide(command))
    }

    func decide(_ command: Int) throws(Refusal) -> [Event] {
        guard command != 0 else { return [] }
        guard count + command <= Self.most else { throw .full(at: count) }
        return [.counted(command)]
    }

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard case .counted(let by) = event, count + by <= Self.most else { throw ImpossibleEvent("counted too far") }
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

/// `POST /tallies/{id}` with a number as its body.
struct TallyCommands: CommandDomain {
    let collection = "tallies"
    let forwardedPaths: [String] = []
    let feedPaths: Set<String> = []
    let largestBody = 20

    func stream(of id: String) throws(Problem) -> StreamID {
        guard let stream = StreamID(category: Tally.category, name: id) else { throw .notFound(path: id) }
        return stream
    }

    func command(from body: [UInt8]) throws(Problem) -> Int {
        guard let number = Int(String(decoding: body, as: UTF8.self)) else {
            throw .invalidParameter("body", "…", expected: "a number")
        }
        return number
    }

    let memberName = "tally"

    /// `ID NUMBER`
    func bulkCommand(from line: [UInt8]) throws(Problem) -> BulkCommand<Int> {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 2 else { throw .invalidParameter("line", "…", expected: "an id and a number") }
        return BulkCommand(
            id: String(words[0]), command: try command(from: Array(words[1].utf8)), key: nil, version: nil)
    }

    func canonicalBytes(of command: Int) -> [UInt8] { Array("\(command)".utf8) }

    func isCreation(_ command: Int) -> Bool { false }

    func write(_ revision: Revision<Tally>, to writer: inout JSONWriter, amounts _: DecimalForm) {
        writer.integer(revision.state.count)
    }
    let amountMembers: Set<String> = []

    func problem(for refusal: Tally.Refusal, of stream: StreamID) -> Problem {
        Problem(.conflict, "full", title: "Full", detail: "\(refusal)")
    }
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
