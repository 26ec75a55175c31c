internal import Access
internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import QueryService
internal import ServiceSupport

/// `GET /accounts/{id}/events`: the history of one account, forwards or backwards, page by page.
extension AccountQueries {
    /// So many events are looked through for one answer that a filter chooses from; it may hold few or none, with a link
    /// to go on.
    private static let maxLookedThrough: UInt64 = 100_000
    private static let eventsOfARead = 10_000
    /// A page ends, with a link to go on, once it reaches this size.
    private static let bytesOfAPage = 4 << 20

    /// Which events of an account are asked for.
    private struct Selection {
        let limit: Int
        let reference: String?
        /// After the first version, up to the last.
        let after: UInt64
        let last: UInt64
        let isBackwards: Bool

        init(_ parameters: [String: String], version: UInt64) throws(Problem) {
            limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...10_000) ?? 1000
            let versions: ClosedRange<UInt64> = 0...UInt64.max
            let after = try ParameterReading.integer("after_version", parameters["after_version"], in: versions)
            let before = try ParameterReading.integer("before_version", parameters["before_version"], in: versions)
            if let before, after != nil {
                throw Problem.invalidParameter("before_version", "\(before)", expected: "no after_version beside it")
            }
            reference = parameters["reference"]
            isBackwards = before != nil
            self.after = after ?? 0
            last = before.map { min(version, $0 == 0 ? 0 : $0 - 1) } ?? version
        }

        func takes(_ record: RecordedEvent) throws(EventDecodingError) -> Bool {
            guard let reference else { return true }
            let event = try AccountEvent(
                type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
            return event.details.reference.map { $0.utf8.elementsEqual(reference.utf8) } ?? false
        }

        var query: String {
            "&limit=\(limit)" + (reference.map { "&reference=\(PercentEncoding.applied(to: $0))" } ?? "")
        }
    }

    func events(_ request: Request, id: String, for caller: Caller) async throws -> Response {
        let asked = try AccountPaths.stream(of: id, for: caller)
        let parameters = try request.parameters(
            known: Self.freshness.union(["after_version", "before_version", "limit", "reference"]))
        let reading = try await entry(of: asked, request, parameters)
        // No more than up to the position that the answer states.
        let account = try readable(reading.value, id, at: nil, reading.headers)
        let (stream, version) = (account.stream, account.version)
        let selection = try Selection(parameters, version: version)
        let history = AccountHistory(of: stream, recent: events, log: log, request, parameters)
        let (found, end) = try await select(selection, from: history)
        var headers = reading.headers
        let path = "/accounts/\(stream.name)/events"
        if selection.isBackwards {
            if end > 1, end <= selection.last {
                headers[.link] = "<\(path)?before_version=\(end)\(selection.query)>; rel=\"prev\""
            }
        } else if end < version, end > selection.after {
            headers[.link] = "<\(path)?after_version=\(end)\(selection.query)>; rel=\"next\""
        }
        let form = request.representation(among: .json).amounts
        headers[.vary] = "Accept"
        return try Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for event in found { try AccountEvent.write(event, to: &writer, amounts: form) }
            writer.endArray()
        }
    }

    /// The events that are asked for, oldest first, and the last version that was looked at; backwards, the first one.
    private func select(
        _ selection: Selection, from history: AccountHistory
    ) async throws -> (found: [RecordedEvent], end: UInt64) {
        var found: [RecordedEvent] = []
        var bytes = 0
        var (after, last) = (selection.after, selection.last)
        var end = selection.isBackwards ? last + 1 : after
        var lookedThrough: UInt64 = 0
        let size = selection.reference == nil ? selection.limit : Self.eventsOfARead
        while after < last, found.count < selection.limit, bytes < Self.bytesOfAPage,
            lookedThrough < Self.maxLookedThrough
        {
            if selection.isBackwards { after = last - min(last, UInt64(size)) }
            let part = try await history.records(after: after, upTo: last, limit: size)
            guard !part.isEmpty else { break }
            lookedThrough += UInt64(part.count)
            // Of a part that the log cut short, backwards, what is missing is the newest.
            for record in selection.isBackwards ? Array(part.reversed()) : part {
                guard found.count < selection.limit, bytes < Self.bytesOfAPage else { break }
                end = record.streamVersion
                guard try selection.takes(record) else { continue }
                found.append(record)
                bytes += record.event.data.count + record.event.metadata.count
            }
            if selection.isBackwards { (after, last) = (0, end - 1) } else { after = end }
        }
        return (selection.isBackwards ? found.reversed() : found, end)
    }
}
