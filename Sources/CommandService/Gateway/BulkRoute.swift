internal import Access
internal import AsyncAlgorithms
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import Logging
internal import NIOCore
internal import ServiceSupport

/// `POST /commands`: a command a line, answered by a line each, in the same order, as soon as it and all before it are
/// durable.
///
/// Reading the body and writing the answers go on side by side, so a client may wait for an answer before it sends more.
/// A body of any length is taken in bounded memory: no more is read while earlier lines wait to be written, so a client
/// that does not read its answers is not read from.
struct BulkRoute<Domain: CommandDomain>: Sendable {
    typealias Order = CommandOrder<Domain.State>
    typealias Outcome = CommandHost<Domain.State>.Outcome

    static var mediaType: String { "application/x-ndjson" }
    private static var mostLinesOfABatch: Int { 256 }
    /// So many batches may wait to be written, so that nobody waits for the answers of one before the next is begun.
    private static var mostBatches: Int { 8 }
    /// A batch takes no further line once its lines, and the answers to those that are no commands, have so many bytes.
    private static var maxBytesOfABatch: Int { 128 << 10 }
    /// Answers are handed to the connection once they have so many bytes.
    private static var bytesOfAWrite: Int { 64 << 10 }

    let domain: Domain
    let host: CommandHost<Domain.State>
    let log: KnownLog
    let logger: Logger
    private let linesOfABatch: Int

    init(
        domain: Domain, host: CommandHost<Domain.State>, log: KnownLog, limits: CommandLimits, logger: Logger
    ) {
        self.domain = domain
        self.host = host
        self.log = log
        self.logger = logger
        linesOfABatch = min(Self.mostLinesOfABatch, limits.bulkCommandsInProgress)
    }

    func answer(_ request: Request, _ caller: Caller) async throws -> Response {
        let origin: Origin
        do throws(Problem) {
            try request.requireMediaType(Self.mediaType)
            try refuseFieldsOfSingleCommands(request.headers)
            origin = Origin(
                caller: caller, sender: .of(caller),
                metadata: try CommandMetadata(request.headers, actor: caller.actor),
                connection: ClientPresence.current, pace: .current)
        } catch {
            throw error.adding(log.knownFields)
        }
        let form = request.representation(among: .lines)
        var headers: HTTPFields = [.contentType: form.mediaType]
        headers[.daybookLogID] = await log.id()
        return Response(
            status: .ok, headers: headers,
            body: FeedWriter.wholeBody(logger: logger) { writer in
                let batches = AsyncChannel<Batch>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        defer { batches.finish() }
                        try await read(request.body, origin, into: batches)
                    }
                    var failure: (any Error)?
                    // To the end, also where the client is gone: the buffer forgets nothing that nobody takes.
                    for await batch in batches.buffer(policy: .bounded(Self.mostBatches)) where failure == nil {
                        do {
                            try await write(batch, to: writer, form.amounts)
                        } catch {
                            failure = error
                            group.cancelAll()
                        }
                    }
                    if let failure { throw failure }
                    try await group.waitForAll()
                }
            })
    }

    /// What is said of one command in a header field is said of each of many in its line; passing it over would let a
    /// repeated request be obeyed twice.
    private func refuseFieldsOfSingleCommands(_ headers: HTTPFields) throws(Problem) {
        for (name, member) in [
            (HTTPField.Name.idempotencyKey, "idempotency_key"), (.ifMatch, "if_match"), (.ifNoneMatch, "if_match"),
        ] {
            guard let value = headers[name] else { continue }
            throw .invalidParameter(name.rawName, value, expected: "\(member) in the lines that it is meant for")
        }
    }

    // MARK: reading

    private func read(
        _ body: RequestBody, _ origin: Origin, into batches: AsyncChannel<Batch>
    ) async throws {
        var splitter = LineSplitter(longest: domain.largestBody)
        var number = 0
        var lines: [Line] = []
        var bytes = 0
        let linesOfABatch = min(linesOfABatch, origin.pace?.requestsAtOnce ?? .max)
        func send() async throws {
            guard !lines.isEmpty else { return }
            let batch = Batch(lines: lines)
            lines = []
            bytes = 0
            // Each line is a request to the rate limit; meanwhile no more is read.
            try await origin.pace?.wait(for: batch.lines.count)
            // The connection is gone, or whoever has it lost its right to it: what it sent last is of no use to anybody, or must not
            // be obeyed any more.
            try Task.checkCancellation()
            let isBegun = await host.begin(batch.orders, unless: { !origin.isConnected }) { batch.answers.set($0, $1) }
            guard isBegun else { throw CancellationError() }
            await batches.send(batch)
        }
        func take(_ line: LineSplitter.Line) {
            number += 1
            if case .whole(let bytes) = line, bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
            let parsed = Line(number: number, content: parse(line, origin))
            lines.append(parsed)
            bytes += line.bytes + parsed.bytesOfAnswer
        }
        for try await part in body {
            for line in splitter.add(part) {
                take(line)
                if lines.count >= linesOfABatch || bytes >= Self.maxBytesOfABatch { try await send() }
            }
            // What has come is on its way before more is awaited.
            try await send()
        }
        if let last = splitter.finish() { take(last) }
        try await send()
    }

    private func parse(_ line: LineSplitter.Line, _ origin: Origin) -> Line.Content {
        do throws(Problem) {
            guard case .whole(let bytes) = line else { throw .payloadTooLarge(limit: domain.largestBody) }
            let parsed = try domain.bulkCommand(from: bytes)
            let stream = try domain.stream(of: parsed.id)
            guard origin.sender.sees(stream) else {
                let problem = domain.problem(forUnseen: stream)
                return .problem(status: problem.status.code, body: problem.body, position: log.position)
            }
            try domain.requirePermission(of: origin.caller, for: parsed.command)
            let key = try parsed.key.map { text throws(Problem) in
                try IdempotencyKey(
                    text, stream: stream, canonicalCommand: domain.canonicalBytes(of: parsed.command))
            }
            let own = try origin.metadata.overridden(
                byCorrelationID: parsed.correlationID, causationID: parsed.causationID)
            var condition = CommandCondition()
            if let version = parsed.version { condition.versions = [version] }
            return .order(
                Order(
                    parsed.command, on: stream, condition: condition, key: key, sender: origin.sender,
                    metadata: own.encoded, isInSequence: true,
                    recordOfRefusal: { [domain, sender = origin.sender] in
                        domain.record(of: $0, on: stream, for: sender)
                    }))
        } catch {
            return .problem(status: error.status.code, body: error.body, position: nil)
        }
    }

    // MARK: writing

    /// Writes the lines of a batch, as many at a time as are answered without a gap.
    private func write(
        _ batch: Batch, to writer: FeedWriter, _ form: DecimalForm
    ) async throws {
        var outcomes: [Outcome] = []
        var answered = 0
        var json = JSONWriter(reservingCapacity: 512 * batch.lines.count)
        for line in batch.lines {
            if json.bytes.count >= Self.bytesOfAWrite {
                try await writer.write(ByteBuffer(bytes: json.bytes))
                json.clear()
            }
            switch line.content {
            case .problem(let status, let body, let position):
                write(line.number, to: &json) { writeProblem(status, body, position, to: &$0) }
            case .order(let order):
                if answered == outcomes.count {
                    // Nothing that is ready waits for what is not.
                    if !json.bytes.isEmpty, !batch.answers.isReady(answered) {
                        try await writer.write(ByteBuffer(bytes: json.bytes))
                        json.clear()
                    }
                    outcomes += await batch.answers.next(from: answered)
                }
                write(line.number, to: &json) { write(outcomes[answered], to: order, &$0, form) }
                answered += 1
            }
            json.endLine()
        }
        try await writer.write(ByteBuffer(bytes: json.bytes))
    }

    private func write(_ number: Int, to writer: inout JSONWriter, _ body: (inout JSONWriter) -> Void) {
        writer.beginObject()
        writer.member("line")
        writer.integer(number)
        body(&writer)
        writer.endObject()
    }

    private func write(_ outcome: Outcome, to order: Order, _ writer: inout JSONWriter, _ form: DecimalForm) {
        switch outcome {
        case .failure(let failure):
            let (problem, position) = CommandProblems(domain: domain, log: log, logger: logger)
                .problem(for: failure, order, form)
            writeProblem(problem.status.code, problem.body, position, to: &writer)
        case .success(.executed(let revision, let position, let isReplay)):
            writer.member("status")
            writer.integer(domain.isCreation(order.command) ? 201 : 200)
            writer.member(name: domain.memberName)
            domain.write(revision, answering: order.command, to: &writer, amounts: form)
            writer.member("position")
            writer.integer(position)
            if isReplay { writeReplayed(to: &writer) }
        case .success(.replayedRefusal(let status, let body, let position)):
            writeProblem(status, Problem.body(body, writing: domain.amountMembers, as: form), position, to: &writer)
            writeReplayed(to: &writer)
        }
    }

    private func writeProblem(_ status: Int, _ body: [UInt8], _ position: UInt64?, to writer: inout JSONWriter) {
        writer.member("status")
        writer.integer(status)
        writer.member("problem")
        // One that was kept is as it stands in the log, which any peer may have written.
        writer.compactValue(body)
        guard let position else { return }
        writer.member("position")
        writer.integer(position)
    }

    private func writeReplayed(to writer: inout JSONWriter) {
        writer.member("replayed")
        writer.bool(true)
    }

    // MARK: what is under way

    /// Where the lines come from.
    private struct Origin: Sendable {
        let caller: Caller
        let sender: CommandSender?
        let metadata: CommandMetadata
        let connection: ClientPresence?
        /// How fast its lines are obeyed; nil: as they come.
        let pace: RequestPace?

        var isConnected: Bool { connection?.isConnected ?? true }
    }

    private struct Line: Sendable {
        enum Content: Sendable {
            case order(Order)
            /// Its bytes, so that it is known how many they are; the log's position if it tells of the log.
            case problem(status: Int, body: [UInt8], position: UInt64?)
        }

        let number: Int
        let content: Content

        /// What is held of the answer already.
        var bytesOfAnswer: Int {
            if case .problem(_, let body, _) = content { body.count } else { 0 }
        }
    }

    private struct Batch: Sendable {
        let lines: [Line]
        let orders: [Order]
        let answers: OrderedAnswers<Outcome>

        init(lines: [Line]) {
            self.lines = lines
            orders = lines.compactMap { line in
                if case .order(let order) = line.content { order } else { nil }
            }
            answers = OrderedAnswers(count: orders.count)
        }
    }
}
