internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import ServiceSupport

/// Forwards queries to the query service, so that a client needs one address, and sees there whatever this gateway has
/// answered before.
struct QueryForwarder: Sendable {
    /// Beside what the query service itself may wait.
    private static let patience = Duration.seconds(5)
    private static let longestWait = Duration.seconds(60)
    /// So many queries may wait for the query service, each with what it holds.
    private static let mostInProgress = 2000
    /// So many clients may read feeds through this gateway.
    private static let mostFeeds = 1000
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host", "content-length", "date",
    ]

    let client: UpstreamClient
    let target: HTTPAddress
    let horizon: PositionHorizon
    let logger: Logger
    private let inProgress = Places(mostInProgress)
    private let feeds = Places(mostFeeds)

    init(client: UpstreamClient, target: HTTPAddress, horizon: PositionHorizon, logger: Logger) {
        self.client = client
        self.target = target
        self.horizon = horizon
        self.logger = logger
    }

    /// Forwards a query.
    ///
    /// - Parameter path: where it goes: unreserved characters of URLs and slashes.
    func answer(_ request: Request, path: String) async throws -> Response {
        guard inProgress.begin() else { throw Self.overloaded }
        defer { inProgress.end() }
        let items = try request.queryItems()
        let wait = items.first { $0.name == "wait" }.flatMap { Duration(settingText: $0.value) } ?? .zero
        let isFeed = request.headers[.accept]?.contains("text/event-stream") == true
        let answer: UpstreamAnswer
        do {
            answer = try await client.answer(
                to: try head(of: request, path: path, items: items), isFeed: isFeed,
                patience: TimeAmount(Self.patience + min(wait, Self.longestWait)))
        } catch let problem as Problem {
            throw problem
        } catch {
            logger.warning("the query service did not answer", metadata: ["error": "\(error)", "address": "\(target)"])
            throw Self.unavailable
        }
        var headers = HTTPFields()
        headers.reserveCapacity(answer.head.headers.count)
        for (name, value) in answer.head.headers {
            guard let name = HTTPField.Name(name), !Self.hopByHop.contains(name.canonicalName) else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        let status = answer.head.status
        return Response(
            status: HTTPResponse.Status(code: Int(status.code), reasonPhrase: status.reasonPhrase),
            headers: headers, body: try body(of: answer, isFeed: isFeed))
    }

    /// The request as the query service gets it.
    private func head(
        of request: Request, path: String, items: [(name: String, value: String)]
    ) throws(Problem) -> HTTPRequestHead {
        // Written anew: what a client may send is more than a request line may hold.
        let query = items.map { "\(PercentEncoding.applied(to: $0.name))=\(PercentEncoding.applied(to: $0.value))" }
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headers.count + 2)
        headers.add(name: "host", value: "\(target)")
        for field in request.headers
        where field.name != .daybookMinPosition && !Self.hopByHop.contains(field.name.canonicalName) {
            headers.add(name: field.name.rawName, value: field.value)
        }
        headers.add(name: HTTPField.Name.daybookMinPosition.rawName, value: String(try minimumPosition(of: request)))
        return HTTPRequestHead(
            version: .http1_1, method: .GET, uri: query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))",
            headers: headers)
    }

    /// What the answer must reflect: what the client asks for, and everything of which this gateway has told.
    private func minimumPosition(of request: Request) throws(Problem) -> UInt64 {
        let name = HTTPField.Name.daybookMinPosition
        let asked = try ParameterReading.integer(name.rawName, request.headers[name], in: 0...UInt64.max) ?? 0
        return max(asked, horizon.position)
    }

    private func body(of answer: UpstreamAnswer, isFeed: Bool) throws(Problem) -> ResponseBody {
        switch answer.body {
        case .whole(let body): body.readableBytes == 0 ? ResponseBody() : ResponseBody(byteBuffer: body)
        case .stream(let parts): isFeed ? try feed(of: parts) : ResponseBody(asyncSequence: parts)
        }
    }

    /// Passes a feed on as it comes, until the service stops or the client is gone.
    private func feed(of parts: UpstreamBody) throws(Problem) -> ResponseBody {
        guard feeds.begin() else { throw Self.overloaded }
        let place = Place(among: feeds)
        return FeedWriter.body(logger: logger) { writer in
            defer { withExtendedLifetime(place) {} }
            for try await part in parts { try await writer.write(part) }
        }
    }

    private static let overloaded = Problem(
        .serviceUnavailable, "overloaded", title: "Overloaded",
        detail: "more queries wait for the query service than the gateway takes; ask again later",
        headers: [.retryAfter: "1"])

    private static let unavailable = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the query service does not answer; ask again later", headers: [.retryAfter: "1"])
}
