internal import AsyncHTTPClient
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import ServiceSupport
internal import Synchronization

/// Forwards queries to the query service, so that a client needs one address, and sees there whatever this gateway has
/// answered before.
struct QueryForwarder: Sendable {
    /// A whole answer up to this size is taken in and sent on in one piece; a longer one is passed through in parts.
    private static let largestWholeBody = 1 << 20
    /// Beside what the query service itself may wait.
    private static let patience = Duration.seconds(5)
    private static let longestWait = Duration.seconds(60)
    /// So many queries may wait for the query service, each with what it holds.
    private static let mostInProgress = 2000
    /// So many clients may read feeds through this gateway.
    static let mostFeeds = 1000
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host", "content-length", "date",
    ]

    let client: HTTPClient
    let feedClient: HTTPClient
    let target: HTTPAddress
    let horizon: PositionHorizon
    let logger: Logger
    private let inProgress = Places(mostInProgress)
    private let feeds = Places(mostFeeds)

    /// So many may be taken at once.
    private final class Places: Sendable {
        private let count = Atomic<Int>(0)
        private let most: Int

        init(_ most: Int) { self.most = most }

        func begin() -> Bool {
            guard count.add(1, ordering: .relaxed).newValue <= most else {
                end()
                return false
            }
            return true
        }

        func end() { count.subtract(1, ordering: .relaxed) }
    }

    /// One of them, given back with its last reference: also where the answer is never sent.
    private final class Place: Sendable {
        private let places: Places

        init(among places: Places) { self.places = places }

        deinit { places.end() }
    }

    init(
        client: HTTPClient, feedClient: HTTPClient, target: HTTPAddress, horizon: PositionHorizon, logger: Logger
    ) {
        self.client = client
        self.feedClient = feedClient
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
        // Written anew: what a client may send is more than the client library leaves as it is.
        let query = items.map { "\(PercentEncoding.applied(to: $0.name))=\(PercentEncoding.applied(to: $0.value))" }
        var forwarded = HTTPClientRequest(
            url: "http://\(target)\(path)" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
        forwarded.method = .GET
        for field in request.headers where !Self.hopByHop.contains(field.name.canonicalName) {
            forwarded.headers.add(name: field.name.rawName, value: field.value)
        }
        let floor = try minimumPosition(of: request)
        forwarded.headers.replaceOrAdd(name: HTTPField.Name.daybookMinPosition.rawName, value: String(floor))
        let wait = items.first { $0.name == "wait" }.flatMap { Duration(settingText: $0.value) } ?? .zero
        let patience = Self.patience + min(wait, Self.longestWait)
        let isFeed = request.headers[.accept]?.contains("text/event-stream") == true
        let answer: HTTPClientResponse
        do {
            answer = try await (isFeed ? feedClient : client).execute(
                forwarded, timeout: .milliseconds(patience.components.seconds * 1000), logger: logger)
        } catch {
            logger.warning("the query service did not answer", metadata: ["error": "\(error)", "address": "\(target)"])
            throw Self.unavailable
        }
        var headers = HTTPFields()
        for (name, value) in answer.headers {
            guard let name = HTTPField.Name(name), !Self.hopByHop.contains(name.canonicalName) else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        return Response(
            status: HTTPResponse.Status(code: Int(answer.status.code), reasonPhrase: answer.status.reasonPhrase),
            headers: headers, body: try await isFeed ? feed(of: answer) : body(of: answer))
    }

    /// What the answer must reflect: what the client asks for, and everything of which this gateway has told.
    private func minimumPosition(of request: Request) throws(Problem) -> UInt64 {
        let name = HTTPField.Name.daybookMinPosition
        let asked = try ParameterReading.integer(name.rawName, request.headers[name], in: 0...UInt64.max) ?? 0
        return max(asked, horizon.position)
    }

    /// Passes a feed on as it comes, until the service stops or the client is gone.
    private func feed(of answer: HTTPClientResponse) throws -> ResponseBody {
        guard feeds.begin() else { throw Self.overloaded }
        let place = Place(among: feeds)
        return FeedWriter.body(logger: logger) { writer in
            defer { withExtendedLifetime(place) {} }
            for try await part in answer.body { try await writer.write(part) }
        }
    }

    private func body(of answer: HTTPClientResponse) async throws -> ResponseBody {
        let announced = answer.headers.first(name: "content-length").flatMap { Int($0) }
        guard let announced, announced <= Self.largestWholeBody else {
            return ResponseBody(asyncSequence: answer.body)
        }
        guard announced > 0 else { return ResponseBody() }
        do {
            return ResponseBody(byteBuffer: try await answer.body.collect(upTo: announced))
        } catch {
            logger.warning("the query service broke off its answer", metadata: ["error": "\(error)"])
            throw Self.unavailable
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
