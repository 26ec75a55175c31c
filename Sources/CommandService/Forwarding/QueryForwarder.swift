internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import ServiceSupport

/// Forwards queries to the query service, so that a client needs one address, and sees there whatever this gateway has
/// answered before.
struct QueryForwarder: RequestForwarder {
    /// How often a query that is held looks whether it may be forwarded.
    static let pauseBetweenLooks = TimeAmount.milliseconds(20)
    /// How long a query is held that does not say.
    private static let usualWait = Duration.seconds(2)
    /// Beside what the query service itself may wait.
    private static let patience = Duration.seconds(5)
    private static let longestWait = Duration.seconds(60)
    /// How long a query may wait for a connection.
    private static let connectionPatience = TimeAmount.seconds(1)
    /// So many queries may wait for the query service, each with what it holds.
    private static let mostInProgress = 2000
    /// So many clients may read feeds through this gateway.
    private static let mostFeeds = 1000
    /// Fields that speak of one connection, or are written anew.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host",
    ]

    private let pools: UpstreamPools
    private let target: HTTPAddress
    private let horizon: PositionHorizon
    private let logger: Logger
    private let inProgress = Places(mostInProgress)
    private let feeds = Places(mostFeeds)

    init(through pools: UpstreamPools, to target: HTTPAddress, horizon: PositionHorizon, logger: Logger) {
        self.pools = pools
        self.target = target
        self.horizon = horizon
        self.logger = logger
    }

    func makeHandler(
        on eventLoop: any EventLoop, _ routes: ForwardedRoutes
    ) -> any ChannelInboundHandler & RemovableChannelHandler {
        ForwardingHandler(self, routes, pools.pool(of: eventLoop))
    }

    func endFeeds() { pools.endFeeds() }

    // MARK: the request

    /// Whether it is known what answers must show at least: not before the log has told its head.
    var isHeadKnown: Bool { horizon.required != nil }

    /// Until when a query that comes now is held while the log has not told its head.
    func deadline(ofWaiting query: String?) throws(Problem) -> NIODeadline {
        let items = try ParameterReading.items(of: query)
        let wait = items.first { $0.name == "wait" }.flatMap { Duration(settingText: $0.value) } ?? Self.usualWait
        return .now() + TimeAmount(min(wait, Self.longestWait))
    }

    /// What a client is told whose query was held for that long.
    let headUnknown = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the event log has not told yet what it holds, so an answer might be older than earlier ones; "
            + "ask again later", headers: [.retryAfter: "1"])

    /// A query on its way to the query service; it takes a place until ``hasEnded(_:)``.
    func exchange(
        for request: HTTPRequest, to path: String, _ query: String?, reader: any UpstreamReader
    ) throws(Problem) -> UpstreamExchange {
        let items = try ParameterReading.items(of: query)
        let wait = items.first { $0.name == "wait" }.flatMap { Duration(settingText: $0.value) } ?? .zero
        let mayBeFeed =
            Representation(acceptedBy: request.headerFields[.accept], among: [.json, .eventStream]).kind == .eventStream
        let head = try head(of: request, path: path, items: items)
        guard (mayBeFeed ? feeds : inProgress).begin() else { throw Self.overloaded }
        return UpstreamExchange(
            head, mayBeFeed: mayBeFeed, patience: TimeAmount(Self.patience + min(wait, Self.longestWait)),
            connectionPatience: Self.connectionPatience, for: reader)
    }

    /// Gives the place of a query back.
    func hasEnded(_ exchange: UpstreamExchange) { (exchange.mayBeFeed ? feeds : inProgress).end() }

    /// The request as the query service gets it.
    private func head(
        of request: HTTPRequest, path: String, items: [(name: String, value: String)]
    ) throws(Problem) -> HTTPRequestHead {
        // Written anew: what a client may send is more than a request line may hold.
        let query = items.map { "\(PercentEncoding.applied(to: $0.name))=\(PercentEncoding.applied(to: $0.value))" }
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headerFields.count + 2)
        headers.add(name: "host", value: "\(target)")
        for field in request.headerFields
        where field.name != .daybookMinPosition && field.name != .contentLength && field.name != .expect
            && !Self.hopByHop.contains(field.name.canonicalName)
        {
            headers.add(name: field.name.rawName, value: field.value)
        }
        headers.add(name: HTTPField.Name.daybookMinPosition.rawName, value: String(try minimumPosition(of: request)))
        return HTTPRequestHead(
            version: .http1_1, method: request.method == .head ? .HEAD : .GET,
            uri: query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))", headers: headers)
    }

    /// What the answer must reflect: what the client asks for, and everything of which this gateway has told.
    private func minimumPosition(of request: HTTPRequest) throws(Problem) -> UInt64 {
        let name = HTTPField.Name.daybookMinPosition
        let asked = try ParameterReading.integer(name.rawName, request.headerFields[name], in: 0...UInt64.max) ?? 0
        return max(asked, horizon.position)
    }

    // MARK: the answer

    /// The head of the answer as the client gets it.
    func response(_ head: HTTPResponseHead) -> HTTPResponse {
        var fields = HTTPFields()
        fields.reserveCapacity(head.headers.count)
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name), !Self.hopByHop.contains(name.canonicalName) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return HTTPResponse(
            status: HTTPResponse.Status(code: Int(head.status.code), reasonPhrase: head.status.reasonPhrase),
            headerFields: fields)
    }

    /// What a client is told whose query was not answered.
    func problem(for error: UpstreamError) -> Problem {
        logger.warning("the query service did not answer", metadata: ["error": "\(error)", "address": "\(target)"])
        return Self.unavailable
    }

    /// A client gets only a part of its answer.
    func noteBrokenOff(_ error: UpstreamError) {
        if case .notRead = error {
            logger.warning("a reader of an answer is cut off: it took nothing for too long")
        } else {
            logger.warning("an answer of the query service was broken off", metadata: ["error": "\(error)"])
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
