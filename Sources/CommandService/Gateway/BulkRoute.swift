internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import Logging
internal import NIOCore
internal import ServiceSupport
internal import Synchronization

/// `POST /commands`: a command a line, answered by a line each, in the same order, once it is durable.
///
/// A body of any length is taken in bounded memory: so many lines are under way at most, and no more is read before the
/// answers to the oldest are written; a client that does not read its answers is not read from.
struct BulkRoute<Domain: CommandDomain>: Sendable {
    static var mediaType: String { "application/x-ndjson" }
    private static var linesOfABatch: Int { 512 }
    /// Batches that are under way beside the one whose answers are written.
    private static var batchesAhead: Int { 2 }

    let domain: Domain
    let host: AggregateHost<Domain.State>
    let logger: Logger

    func answer(_ request: Request) throws -> Response {
        try request.requireMediaType(Self.mediaType)
        return Response(
            status: .ok, headers: [.contentType: Self.mediaType],
            body: ResponseBody { writer in
                var session = BulkSession(route: self)
                for try await part in request.body {
                    for line in session.splitter.add(part) {
                        session.take(line)
                        if session.isFull { try await session.send() }
                    }
                    // What has come is on its way before more is awaited.
                    try await session.send()
                    try await session.write(to: &writer, leaving: Self.batchesAhead)
                }
                if let last = session.splitter.finish() { session.take(last) }
                try await session.send()
                try await session.write(to: &writer, leaving: 0)
                try await writer.finish(nil)
            })
    }

    /// What one request has under way.
    private struct BulkSession {
        let route: BulkRoute
        var splitter: LineSplitter
        private var lines = 0
        private var batch: [Line] = []
        private var underWay: [Task<[Line], Never>] = []
        /// Those of the aggregates that have lines under way, with how many.
        private var sequences: [StreamID: (sequence: CommandSequence, lines: Int)] = [:]

        init(route: BulkRoute) {
            self.route = route
            splitter = LineSplitter(longest: route.domain.largestBody)
        }

        var isFull: Bool { batch.count >= BulkRoute.linesOfABatch }

        mutating func take(_ line: LineSplitter.Line) {
            lines += 1
            if case .whole(let bytes) = line, bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
            batch.append(Line(number: lines, content: read(line)))
        }

        private mutating func read(_ line: LineSplitter.Line) -> Line.Content {
            do throws(Problem) {
                guard case .whole(let bytes) = line else {
                    throw .payloadTooLarge(limit: route.domain.largestBody)
                }
                let parsed = try route.domain.bulkCommand(from: bytes)
                let stream = try route.domain.stream(of: parsed.id)
                let key = try parsed.key.map { text throws(Problem) in
                    try IdempotencyKey(
                        text, stream: stream, canonicalCommand: route.domain.canonicalBytes(of: parsed.command))
                }
                let sequence = enter(stream)
                var condition = CommandCondition()
                if let version = parsed.version { condition.versions = [version] }
                let domain = route.domain
                return .order(
                    AggregateHost<Domain.State>.Order(
                        command: parsed.command, stream: stream, condition: condition, key: key,
                        recordOfRefusal: { RecordedAnswer(domain.problem(for: $0, of: stream)) }, sequence: sequence))
            } catch {
                return .problem(error)
            }
        }

        private mutating func enter(_ stream: StreamID) -> CommandSequence {
            let (sequence, lines) = sequences[stream] ?? (CommandSequence(), 0)
            sequences[stream] = (sequence, lines + 1)
            return sequence
        }

        /// A sequence of which nothing is under way orders nothing.
        private mutating func leave(_ stream: StreamID) {
            guard let (sequence, lines) = sequences[stream] else { return }
            sequences[stream] = lines > 1 ? (sequence, lines - 1) : nil
        }

        /// Sends what was taken.
        mutating func send() async throws {
            guard !batch.isEmpty else { return }
            let lines = batch
            batch = []
            let orders = lines.compactMap(\.order)
            let route = route
            let answers = Answers(count: orders.count)
            await route.host.begin(orders) { answers.set($0, $1) }
            underWay.append(
                Task {
                    var results = await answers.all().makeIterator()
                    return lines.map { line in
                        guard let order = line.order, let result = results.next() else { return line }
                        return Line(number: line.number, content: .answer(order, result))
                    }
                })
        }

        /// Writes the answers to the oldest batches, until so many are left under way.
        mutating func write(to writer: inout any ResponseBodyWriter, leaving count: Int) async throws {
            while underWay.count > count {
                let lines = await underWay.removeFirst().value
                var buffer = ByteBuffer()
                for line in lines {
                    if case .answer(let order, _) = line.content { leave(order.stream) }
                    var json = JSONWriter(reservingCapacity: 512)
                    route.write(line, to: &json)
                    buffer.writeBytes(json.bytes)
                    buffer.writeInteger(UInt8(ascii: "\n"))
                }
                try await writer.write(buffer)
            }
        }
    }

    private struct Line: Sendable {
        enum Content: Sendable {
            case order(AggregateHost<Domain.State>.Order)
            case problem(Problem)
            case answer(
                AggregateHost<Domain.State>.Order,
                Result<AggregateHost<Domain.State>.Answer, AggregateHost<Domain.State>.Failure>)
        }

        let number: Int
        let content: Content

        var order: AggregateHost<Domain.State>.Order? {
            if case .order(let order) = content { order } else { nil }
        }
    }

    private func write(_ line: Line, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member(name: "line")
        writer.integer(line.number)
        switch line.content {
        case .problem(let problem): write(problem, to: &writer)
        case .answer(let order, .failure(let failure)):
            write(CommandProblems(domain: domain, logger: logger).problem(for: failure, order), to: &writer)
        case .answer(let order, .success(.obeyed(let revision, let position, let isReplay))):
            writer.member(name: "status")
            writer.integer(domain.isCreation(order.command) ? 201 : 200)
            writer.member(name: domain.memberName)
            domain.write(revision, to: &writer)
            if let position {
                writer.member(name: "position")
                writer.integer(position)
            }
            if isReplay { writeReplayed(to: &writer) }
        case .answer(_, .success(.replayedRefusal(let status, let body))):
            writer.member(name: "status")
            writer.integer(status)
            writer.member(name: "problem")
            writer.rawValue(body)
            writeReplayed(to: &writer)
        case .order: preconditionFailure("an order is written once it is answered")
        }
        writer.endObject()
    }

    private func write(_ problem: Problem, to writer: inout JSONWriter) {
        writer.member(name: "status")
        writer.integer(problem.status.code)
        writer.member(name: "problem")
        writer.rawValue(problem.body)
    }

    private func writeReplayed(to writer: inout JSONWriter) {
        writer.member(name: "replayed")
        writer.bool(true)
    }

    /// The answers to the orders of a batch, as they come.
    private final class Answers: Sendable {
        typealias Answer = Result<AggregateHost<Domain.State>.Answer, AggregateHost<Domain.State>.Failure>

        private struct State {
            var answers: [Answer?]
            var missing: Int
            var waiter: CheckedContinuation<Void, Never>?
        }

        private let state: Mutex<State>

        init(count: Int) {
            state = Mutex(State(answers: Array(repeating: nil, count: count), missing: count))
        }

        func set(_ index: Int, _ answer: Answer) {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                state.answers[index] = answer
                state.missing -= 1
                guard state.missing == 0 else { return nil }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }

        /// All of them, once they are there.
        func all() async -> [Answer] {
            await withCheckedContinuation { continuation in
                let isComplete = state.withLock { state in
                    if state.missing > 0 { state.waiter = continuation }
                    return state.missing == 0
                }
                if isComplete { continuation.resume() }
            }
            return state.withLock { $0.answers.compactMap(\.self) }
        }
    }
}
