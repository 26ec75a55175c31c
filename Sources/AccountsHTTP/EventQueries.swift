internal import Access
internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import NIOCore
public import QueryService
public import ServiceSupport

/// `GET /events`: the whole log in order, or what whoever asks may see of it, and its live feed.
public struct EventQueries: Sendable {
    /// So many records are looked through for one answer; where a filter leaves out most of them, the answer may hold
    /// few or none, with a link to go on.
    private static let mostLookedThrough: UInt64 = 100_000
    private static let recordsOfARead = 10_000
    /// A page ends, with a link to go on, once it reaches this size.
    private static let bytesOfAPage = 4 << 20

    private let events: QueryAccess<RecentEvents>
    private let source: EventSource
    private let feed: LiveFeed

    /// Queries answered from the newest events, and for what is older from the log.
    public init(events: QueryAccess<RecentEvents>, source: EventSource, feed: LiveFeed) {
        self.events = events
        self.source = source
        self.feed = feed
    }

    /// What the queries are asked at.
    public var routes: [Route] {
        [
            Route(
                "/events", parameters: .readByHandlers,
                [
                    .get: .needing(.audit) { request, _, caller in
                        try await events.stating { try await answer(request, for: caller) }
                    }
                ])
        ]
    }

    private struct Filter: Sendable {
        var type: String?
        var account: String?
        var correlation: String?

        init(_ parameters: [String: String]) throws(Problem) {
            type = parameters["type"]
            // What of it the caller may see, the view decides.
            if let account = parameters["account"] { self.account = try AccountPaths.stream(of: account).name }
            correlation = parameters["correlation_id"]
            if let correlation, !Self.isCorrelationID(correlation) {
                throw .invalidParameter(
                    "correlation_id", correlation, expected: "1 to 128 visible ASCII characters")
            }
        }

        func takes(_ record: RecordedEvent) -> Bool {
            (type == nil || record.type == type)
                && (account == nil || (record.stream.name == account && record.stream.category == Account.category))
                && (correlation == nil || Self.correlation(of: record) == correlation)
        }

        private static func correlation(of record: RecordedEvent) -> String? {
            record.event.metadata.isEmpty ? nil : EventMetadata(reading: record.event.metadata).correlationID
        }

        private static func isCorrelationID(_ text: String) -> Bool {
            (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }

        var query: String {
            var query = ""
            if let type { query += "&type=\(PercentEncoding.applied(to: type))" }
            if let account { query += "&account=\(PercentEncoding.applied(to: account))" }
            if let correlation { query += "&correlation_id=\(PercentEncoding.applied(to: correlation))" }
            return query
        }
    }

    private func answer(_ request: Request, for caller: Caller) async throws -> Response {
        let parameters = try request.parameters(
            known: AccountQueries.freshness.union(["after", "limit", "type", "account", "correlation_id"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...10_000) ?? 1000
        let filter = try Filter(parameters)
        let start = try Start(request, parameters)
        let view = LogView(of: Account.category, for: caller)
        var head = try await events.read(request, parameters) { _ in }
        let place = try await source.place(at: start.point, for: view)
        // The place may have been waited for.
        if place.position > head.position { head = try await events.read(request, parameters) { _ in } }
        let form = request.representation(among: .json, .eventStream)
        if form.kind == .eventStream {
            var response = feed.response(after: place, tellingID: start == .now, showing: view) { record in
                filter.takes(record) ? (record.type, try Self.json(record, form.amounts)) : nil
            }
            for field in head.headers { response.headers[field.name] = field.value }
            response.headers[.contentType] = form.mediaType
            response.headers[.vary] = "Accept"
            return response
        }
        return try await page(after: place, limit: limit, filter, view, head, form)
    }

    /// Where an answer begins.
    private enum Start: Hashable {
        /// With what comes.
        case now
        /// After a point that the client holds.
        case point(HistoryPoint)

        /// Reads it from `Last-Event-ID`, else from `after`: what a client held last counts more than where it once began.
        init(_ request: Request, _ parameters: [String: String]) throws(Problem) {
            let expected = "a position, alone or with a dash and 16 hexadecimal digits of the hash there"
            let asked = parameters["after"]
            let after: HistoryPoint? = asked == "now" ? nil : HistoryPoint(asked ?? "0")
            if let asked, asked != "now", after == nil {
                throw .invalidParameter("after", asked, expected: "\(expected), or now")
            }
            let name = HTTPField.Name.lastEventID
            if let last = request.headers[name] {
                guard let point = HistoryPoint(last) else {
                    throw .invalidParameter(name.rawName, last, expected: expected)
                }
                self = .point(point)
            } else {
                self = after.map(Start.point) ?? .now
            }
        }

        var point: HistoryPoint? {
            if case .point(let point) = self { point } else { nil }
        }
    }

    private func page(
        after start: EventSource.Place, limit: Int, _ filter: Filter, _ view: LogView,
        _ head: ProjectionHost<RecentEvents>.Reading<Void>, _ form: Representation
    ) async throws -> Response {
        var headers = head.headers
        let last = head.position
        var place = start
        // The last record looked at; the place may be beyond it.
        var end = start.point
        var lookedThrough: UInt64 = 0
        var count = 0
        var writer = JSONWriter()
        writer.beginArray()
        var isFull: Bool { count >= limit || writer.bytes.count >= Self.bytesOfAPage }
        while end.position < last, !isFull, lookedThrough < Self.mostLookedThrough {
            let size = filter.query.isEmpty && view.isWhole ? limit - count : Self.recordsOfARead
            guard let records = try await source.records(after: &place, upTo: last, limit: size, shownBy: view) else {
                throw AccountProblems.logWentBack
            }
            lookedThrough += place.position - end.position
            for record in records where !isFull {
                end = HistoryPoint(position: record.position, hash: record.hash)
                guard filter.takes(record) else { continue }
                writer.rawValue(try Self.json(record, form.amounts))
                count += 1
            }
            if !isFull { end = view.point(of: place, isShown: records.last?.position == place.position) }
        }
        writer.endArray()
        if end.position < last {
            // With the hash, so that the next page is refused if the log went back meanwhile.
            headers[.link] = "</events?after=\(end)&limit=\(limit)\(filter.query)>; rel=\"next\""
        }
        headers[.contentType] = form.mediaType
        headers[.vary] = "Accept"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }

    /// A record as clients see it. One that this program cannot read is told as it stands in the log: the feed of the
    /// whole log must not end at it.
    private static func json(_ record: RecordedEvent, _ form: DecimalForm) throws -> [UInt8] {
        var writer = JSONWriter()
        do {
            guard record.stream.category == Account.category else { throw Unreadable() }
            try AccountEvent.write(record, includingAccount: true, to: &writer, amounts: form)
        } catch {
            writer = JSONWriter()
            writer.beginObject()
            writer.member("type")
            writer.string(record.type)
            writer.member(name: record.stream.category == Account.category ? "account" : "stream")
            writer.string(
                record.stream.category == Account.category ? record.stream.name : record.stream.description)
            writer.member("schema_version")
            writer.integer(record.event.schemaVersion)
            writer.member("data")
            writer.compactValue(record.event.data)
            AccountEvent.writePlace(of: record, to: &writer)
            AccountEvent.writeBoundary(of: record, to: &writer)
            writer.endObject()
        }
        return writer.bytes
    }

    private struct Unreadable: Error {}
}
