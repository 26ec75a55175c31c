internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import QueryService
public import ServiceSupport

/// `GET /events`: the whole log in order, and its live feed.
public struct EventQueries: Sendable {
    /// So many records are looked through for one answer; where a filter leaves out most of them, the answer may hold
    /// few or none, with a link to go on.
    private static let mostLookedThrough = 100_000
    private static let recordsOfARead = 10_000

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
        [Route("/events", parameters: .readByHandlers, [.get: { request, _ in try await answer(request) }])]
    }

    private struct Filter: Sendable {
        var type: String?
        var account: String?

        func takes(_ record: RecordedEvent) -> Bool {
            (type == nil || record.type == type)
                && (account == nil || (record.stream.name == account && record.stream.category == Account.category))
        }

        var query: String {
            var query = ""
            if let type { query += "&type=\(PercentEncoding.applied(to: type))" }
            if let account { query += "&account=\(PercentEncoding.applied(to: account))" }
            return query
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let parameters = try request.parameters(
            known: AccountQueries.freshness.union(["after", "limit", "type", "account"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...10_000) ?? 1000
        let asked = try ParameterReading.integer("after", parameters["after"], in: 0...UInt64.max)
        let filter = Filter(
            type: parameters["type"], account: try parameters["account"].map { try AccountPaths.stream(of: $0).name })
        // Only a feed resumes after it, but what can't be read is refused wherever it comes.
        let name = HTTPField.Name.lastEventID
        let last = try ParameterReading.integer(name.rawName, request.headers[name], in: 0...UInt64.max)
        let head = try await events.read(request, parameters) { _ in }
        let form = request.representation(among: .json, .eventStream)
        if form.kind == .eventStream {
            // What a client held last counts more than where it once began.
            var response = feed.response(after: last ?? asked ?? 0) { record in
                filter.takes(record) ? (record.type, try Self.json(record, form.amounts)) : nil
            }
            response.headers[.daybookPosition] = String(head.position)
            response.headers[.contentType] = form.mediaType
            response.headers[.vary] = "Accept"
            return response
        }
        return try await page(after: asked ?? 0, limit: limit, filter, head.position, head.headers, form.amounts)
    }

    private func page(
        after start: UInt64, limit: Int, _ filter: Filter, _ last: UInt64, _ headers: HTTPFields,
        _ form: DecimalForm
    ) async throws -> Response {
        var headers = headers
        var page: [RecordedEvent] = []
        var position = start
        var lookedThrough = 0
        while position < last, page.count < limit, lookedThrough < Self.mostLookedThrough {
            let size = filter.query.isEmpty ? limit - page.count : Self.recordsOfARead
            let records = try await source.records(after: position, upTo: last, limit: size)
            guard let newest = records.last else { break }
            lookedThrough += records.count
            position = newest.position
            for record in records where filter.takes(record) {
                page.append(record)
                guard page.count < limit else {
                    position = record.position
                    break
                }
            }
        }
        if position < last {
            headers[.link] = "</events?after=\(position)&limit=\(limit)\(filter.query)>; rel=\"next\""
        }
        headers[.vary] = "Accept"
        return try Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for record in page { writer.rawValue(try Self.json(record, form)) }
            writer.endArray()
        }
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
            writer.rawValue(record.event.data)
            AccountEvent.writePlace(of: record, to: &writer)
            writer.endObject()
        }
        return writer.bytes
    }

    private struct Unreadable: Error {}
}
