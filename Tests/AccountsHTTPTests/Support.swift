import Access
import Accounts
import EventLogProtocol
import EventSourcing
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing
import ZeroMQ

@testable import AccountsHTTP
@testable import QueryService
@testable import ServiceSupport

/// A logger that says nothing.
var silence: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

func money(_ text: String) -> Money { Money(exactText: text)! }

func stream(_ name: String) -> StreamID { Account.stream(of: name)! }

func hold(_ name: String) -> HoldID { HoldID(name)! }

/// Seconds after the beginning of the tests' history.
func seconds(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: 1_767_323_045_000_000 + seconds * 1_000_000) }

/// An event that opens an account.
func opened(_ balance: String, owner: String = "Alice", in currency: Currency = .usd) -> AccountEvent {
    .opened(owner: owner, initialBalance: money(balance), currency: currency)
}

/// The queries, over a history that the test makes up and by a clock that it sets. There is no log beneath: all that is
/// asked for is held in memory.
final class Queries: Sendable {
    /// An answer with its body.
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        func json() throws -> JSONValue {
            var reader = JSONReader(body)
            return try reader.readValue()
        }
    }

    /// One event of an append.
    struct Write {
        let account: String
        let type: String
        let data: [UInt8]
        var metadata = EventMetadata()
        /// nil: that of accounts.
        var category: String?

        init(_ account: String, _ event: AccountEvent, _ metadata: EventMetadata = EventMetadata()) {
            self.account = account
            type = event.type
            data = event.encoded()
            self.metadata = metadata
        }

        /// An event that no program knows.
        init(_ account: String, unknown type: String) {
            self.account = account
            self.type = type
            data = Array("{}".utf8)
        }
    }

    private struct History {
        var position: UInt64 = 0
        var versions: [String: UInt64] = [:]
        var hash: Digest256
        var now = seconds(0)
    }

    private let accounts = ProjectionHost<AccountDirectory>(logger: silence)
    private let events = ProjectionHost<RecentEvents>(window: 100_000, logger: silence) {
        RecentEvents(limit: 100_000, after: $0)
    }
    private let history: Mutex<History>
    private let logID = UniqueID(high: 1, low: 2)
    private let context: Context
    private let loop: SocketLoop
    private let log: LogAccess

    init() throws {
        history = Mutex(History(hash: HashChain.genesis(of: logID)))
        context = try Context()
        loop = try SocketLoop(name: "test", context: context)
        let nowhere = "ipc:///nowhere"
        let client = EventLogClient(EventLogAddress(append: nowhere, events: nowhere, read: nowhere), on: loop)
        log = LogAccess(client: client, snapshots: SnapshotTrust(.ofThisProcess()))
        for host in hosts { host.begin(after: .beginning) }
        followed(by: checkpoint(0, HashChain.genesis(of: logID)))
    }

    private var hosts: [any HostedProjection] { [events, accounts] }

    private func checkpoint(_ position: UInt64, _ hash: Digest256) -> LogCheckpoint {
        LogCheckpoint(logID: logID, position: position, hash: hash)
    }

    private func followed(by checkpoint: LogCheckpoint) {
        for host in hosts { host.followed(isLive: true, at: checkpoint, head: checkpoint.position) }
    }

    /// Sets the clock of the queries.
    func setClock(to time: Timestamp) { history.withLock { $0.now = time } }

    /// Appends events at a time, which becomes the clock's.
    func append(at time: Timestamp, _ writes: Write...) { append(at: time, writes) }

    func append(at time: Timestamp, _ writes: [Write]) {
        let (records, end) = history.withLock { history in
            history.now = time
            let records = writes.enumerated().map { index, write in
                record(write, at: time, continues: index + 1 < writes.count, in: &history)
            }
            return (records, checkpoint(history.position, history.hash))
        }
        for host in hosts { host.consume(records, head: end.position) }
        followed(by: end)
    }

    private func record(
        _ write: Write, at time: Timestamp, continues: Bool, in history: inout History
    ) -> RecordedEvent {
        history.position += 1
        history.versions[write.account, default: 0] += 1
        let version = history.versions[write.account] ?? 0
        func record(_ hash: Digest256) -> RecordedEvent {
            RecordedEvent(
                position: history.position,
                stream: write.category.flatMap { StreamID(category: $0, name: write.account) } ?? stream(write.account),
                streamVersion: version, recordedAt: time,
                event: NewEvent(
                    id: Queries.id(of: write.account, version), type: write.type, schemaVersion: 2,
                    metadata: write.metadata.encoded, data: write.data),
                continues: continues, hash: hash)
        }
        history.hash = HashChain.hash(of: record(history.hash), after: history.hash, in: logID)
        return record(history.hash)
    }

    /// The id of an event: the same whatever else is in the log.
    static func id(of account: String, _ version: UInt64) -> UniqueID {
        UniqueID(high: account.utf8.reduce(7) { ($0 &* 31) ^ UInt64($1) }, low: version)
    }

    /// Asks at a path with a query.
    func get(
        _ target: String, _ fields: HTTPFields = [:], as caller: Caller = .unrestricted
    ) async throws -> Answer {
        let response = try await respond(target, fields, caller)
        let body = Collected()
        try await response.body.write(Collector(body: body))
        return Answer(status: response.status.code, headers: response.headers, body: body.bytes.withLock { $0 })
    }

    /// Reads a feed until it holds a text.
    func feed(_ target: String, as caller: Caller, until end: String) async throws -> String {
        let response = try await respond(target, [.accept: "text/event-stream"], caller)
        #expect(response.headers[.contentType] == "text/event-stream")
        let body = Collected()
        let reading = Task { try await response.body.write(Collector(body: body)) }
        defer { reading.cancel() }
        var text: String { String(decoding: body.bytes.withLock { $0 }, as: UTF8.self) }
        try await eventually("the feed holds \(end)") { text.contains(end) }
        return text
    }

    private func respond(_ target: String, _ fields: HTTPFields, _ caller: Caller) async throws -> Response {
        let request = Request(
            head: HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: target, headerFields: fields),
            body: RequestBody(buffer: ByteBuffer()))
        do {
            return try await answer(request, caller)
        } catch let problem as Problem {
            return problem.response
        }
    }

    private func answer(_ request: Request, _ caller: Caller) async throws -> Response {
        let segments = request.uri.path.split(separator: "/").map(String.init)
        for route in routes where route.segments.count == segments.count {
            var parameters = PathParameters()
            let matches = zip(route.segments, segments).allSatisfy { segment, text in
                switch segment {
                case .literal(let literal): return literal == text
                case .parameter(let name):
                    parameters.add(name, text)
                    return true
                }
            }
            if matches { return try await route.answers[0].answer.handler(request, parameters, caller) }
        }
        throw Problem.notFound(path: request.uri.path)
    }

    var routes: [Route] {
        let clock: @Sendable () -> Timestamp = { [self] in history.withLock(\.now) }
        let source = EventSource(events, log: log)
        return AccountQueries(
            accounts: QueryAccess(accounts), events: QueryAccess(events), log: log, clock: clock, logger: silence
        ).routes
            + TotalsQueries(accounts: QueryAccess(accounts), log: log, clock: clock).routes
            + EventQueries(
                events: QueryAccess(events), source: source, feed: LiveFeed(source, logger: silence)
            ).routes
    }
}

final class Collected: Sendable {
    let bytes = Mutex<[UInt8]>([])
}

struct Collector: ResponseBodyWriter {
    let body: Collected

    mutating func write(_ buffer: ByteBuffer) async throws {
        body.bytes.withLock { $0 += buffer.readableBytesView }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

extension JSONValue {
    /// A member of an object.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// A string or a number as text.
    var text: String? {
        switch self {
        case .string(let text): text
        case .number(let number): number.literal
        default: nil
        }
    }

    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }
}

extension EventMetadata {
    /// The metadata of a record, as the gateway writes it.
    fileprivate var encoded: [UInt8] {
        let members = [("actor", actor), ("correlation_id", correlationID), ("causation_id", causationID)].filter {
            $0.1 != nil
        }
        if members.isEmpty { return [] }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in members {
            writer.member(name: name)
            writer.string(value ?? "")
        }
        writer.endObject()
        return writer.bytes
    }
}

extension Queries {
    /// Both sides of a transfer, by the versions of their events.
    static func transfer(
        _ amount: String, _ sender: String, _ sentAs: UInt64, _ receiver: String, _ receivedAs: UInt64
    ) -> [Write] {
        func side(_ other: String, _ version: UInt64) -> TransferSide {
            TransferSide(
                amount: money(amount), counterparty: stream(other), counterpartyVersion: version,
                transfer: id(of: sender, sentAs))
        }
        return [
            Write(sender, .sent(side(receiver, receivedAs))), Write(receiver, .received(side(sender, sentAs))),
        ]
    }
}
