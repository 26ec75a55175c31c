package import Access
package import HTTPTypes
package import Logging
package import NIOCore
internal import NIOHTTP1
package import ServiceSupport
internal import Synchronization

/// Which limit a query counts for.
enum QueryPermit: Hashable {
    case query
    case feed
    case wait
}

/// Forwards queries to the query service, so that a client needs one address, and sees there whatever this gateway has
/// answered before.
package struct QueryForwarder: RequestForwarder {
    /// Beside what the query service itself may wait.
    private static let patience = Duration.seconds(5)
    private static let longestWait = Duration.seconds(60)
    /// How long a query waits that does not say.
    private static let standardWait = Duration.seconds(2)
    /// How long a query may wait for a connection.
    private static let connectionPatience = TimeAmount.seconds(1)
    /// So many queries may wait for the query service, each with what it holds.
    private static let mostInProgress = 2000
    /// So many clients may read feeds through this gateway, each of which takes a connection to the query service.
    private static let maxFeeds = 1000
    /// So many queries may wait for a position that the log does not hold yet.
    private static let maxWaits = 10_000
    /// Every service allows this host, whatever the name or address under which the gateway reaches it.
    static let host = "localhost"
    /// Fields that speak of one connection, or are written anew.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host",
    ]
    /// Fields of requests that the gateway has dealt with, or that only it may send, beside those.
    private static let ofGateway = hopByHop.union([
        "daybook-min-position", "daybook-wait", "daybook-accounts", "daybook-gateway", "content-length", "expect",
        "origin",
    ])
    /// What no resource is named: the reach of a caller who sees none.
    private static let nothing = "!"
    /// A difference between the services' settings is logged once in this time.
    private static let warningInterval = Duration.seconds(10)

    private let pools: UpstreamPools
    private let target: HTTPAddress
    private let feedPaths: Set<String>
    private let horizon: PositionHorizon
    private let tellFields: @Sendable () -> HTTPFields
    private let proof: GatewayProof?
    private let logger: Logger
    private let inProgress = Places(mostInProgress)
    private let feeds: AddressLimit
    private let waits: AddressLimit
    private let nextWarning = NextWarning()

    private final class NextWarning: Sendable {
        let value = Mutex<ContinuousClock.Instant?>(nil)
    }

    /// - Parameters:
    ///   - feedPaths: the paths that answer with a feed whoever accepts one.
    ///   - clients: which share of the feeds and waits one address may have.
    ///   - horizon: what an answer must show at least.
    ///   - proof: what the gateway proves itself by to the query service; nil: nothing.
    ///   - knownFields: what the gateway's own answers to queries say about the log.
    package init(
        through pools: UpstreamPools, to target: HTTPAddress, feedPaths: Set<String>, clients: ConnectionLimits,
        horizon: PositionHorizon, proof: GatewayProof? = nil, knownFields: @escaping @Sendable () -> HTTPFields,
        logger: Logger
    ) {
        self.pools = pools
        self.target = target
        self.feedPaths = feedPaths
        self.horizon = horizon
        tellFields = knownFields
        self.proof = proof
        self.logger = logger
        let maxFeeds = min(Self.maxFeeds, DescriptorLimit.upstream(of: DescriptorLimit.current) / 2)
        feeds = AddressLimit(maxFeeds, perAddress: clients.perAddress(of: maxFeeds))
        waits = AddressLimit(Self.maxWaits, perAddress: clients.perAddress(of: Self.maxWaits))
    }

    /// The handler that takes the queries of one client's connection.
    package func makeHandler(
        on eventLoop: any EventLoop, _ routes: ForwardedRoutes, caller: @escaping () -> Caller
    ) -> any ChannelInboundHandler & RemovableChannelHandler {
        ForwardingHandler(self, routes, pools.pool(of: eventLoop), caller)
    }

    /// Ends all answers that have no end of their own.
    package func endFeeds() { pools.endFeeds() }

    // MARK: the request

    /// A query on its way to the query service; it takes a permit until ``hasEnded(_:_:)``.
    ///
    /// - Parameters:
    ///   - client: whose query it is.
    ///   - caller: who sent it.
    func exchange(
        for request: HTTPRequest, to path: String, _ query: String?, of client: ClientAddress, _ caller: Caller,
        reader: any UpstreamReader
    ) throws(Problem) -> UpstreamExchange {
        let parameters = Self.freshness(in: query)
        let name = HTTPField.Name.daybookMinPosition
        let asked = try ParameterReading.integer(name.rawName, request.headerFields[name], in: 0...UInt64.max) ?? 0
        let minimum = max(asked, parameters?.position ?? 0)
        // Others answer with JSON, whatever is accepted.
        let mayBeFeed =
            feedPaths.contains(path)
            && Representation(acceptedBy: request.headerFields[.accept], among: [.json, .eventStream]).kind
                == .eventStream
        // What the log does not hold yet, the query service cannot reach, and before the log has told its head it is not
        // known what an answer must show: the wait for either takes no connection from others.
        let required = horizon.required
        let mustWait = required.map { minimum > $0 } ?? true
        let permit: QueryPermit = mayBeFeed ? .feed : mustWait ? .wait : .query
        guard take(permit, of: client) else { throw Self.overloaded }
        let patience = TimeAmount(min(parameters?.wait ?? Self.standardWait, Self.longestWait))
        let horizon = horizon
        if mustWait { horizon.beginWait() }
        let exchange = UpstreamExchange(
            head(of: request, path: path, query, minimum: max(asked, required ?? 0), caller), mayBeFeed: mayBeFeed,
            patience: TimeAmount(Self.patience) + patience, connectionPatience: Self.connectionPatience,
            wait: mustWait
                ? UpstreamExchange.Wait(
                    minimum: minimum, required: { horizon.required }, deadline: .now() + patience,
                    end: { horizon.endWait() })
                : nil,
            for: reader)
        exchange.permit = permit
        return exchange
    }

    private func take(_ permit: QueryPermit, of client: ClientAddress) -> Bool {
        switch permit {
        case .query: return inProgress.begin()
        case .feed: return feeds.add(client)
        case .wait: return waits.add(client)
        }
    }

    /// Gives the permit of a query back.
    func hasEnded(_ exchange: UpstreamExchange, of client: ClientAddress) {
        exchange.endWait()
        switch exchange.permit {
        case .query: inProgress.end()
        case .feed: feeds.remove(client)
        case .wait: waits.remove(client)
        }
    }

    /// The position that a query asks for, and how long it waits; nil if it asks for none, or in no way that can be read:
    /// then the query service says so.
    private static func freshness(in query: String?) -> (position: UInt64, wait: Duration?)? {
        guard let query, query.contains("min_position") || query.contains("wait") else { return nil }
        do throws(Problem) {
            let items = try ParameterReading.items(of: query)
            let position = items.first { $0.name == "min_position" }.flatMap { UInt64($0.value) }
            let wait = items.first { $0.name == "wait" }.flatMap { Duration(settingText: $0.value) }
            return (position ?? 0, wait)
        } catch {
            return nil
        }
    }

    /// The request as the query service gets it: the query's very bytes.
    ///
    /// `Authorization` goes along, so that the query service asks again who it is; what the caller may see is said beside,
    /// for one that is not asked for tokens.
    private func head(
        of request: HTTPRequest, path: String, _ query: String?, minimum: UInt64, _ caller: Caller
    ) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headerFields.count + 5)
        headers.add(name: "host", value: Self.host)
        for field in request.headerFields
        where !Self.ofGateway.contains(field.name.canonicalName) {
            headers.add(name: field.name.rawName, value: field.value)
        }
        headers.add(name: HTTPField.Name.daybookMinPosition.rawName, value: String(minimum))
        // What a client asks for itself only narrows what it is shown; if access is not open, the caller's reach has it.
        if caller.standing == .unrestricted, caller.actor == nil {
            for value in request.headerFields[values: .daybookAccounts] {
                headers.add(name: HTTPField.Name.daybookAccounts.rawName, value: value)
            }
        } else if caller.reach != .all {
            headers.add(name: HTTPField.Name.daybookAccounts.rawName, value: caller.reach?.description ?? Self.nothing)
        }
        if let proof { headers.add(name: HTTPField.Name.daybookGateway.rawName, value: proof.make()) }
        return HTTPRequestHead(
            version: .http1_1, method: request.method == .head ? .HEAD : .GET,
            uri: query.map { "\(path)?\($0)" } ?? path, headers: headers)
    }

    // MARK: the answer

    /// The head of the answer as the client gets it.
    func response(_ head: HTTPResponseHead) -> HTTPResponse {
        if head.status == .unauthorized || head.status == .forbidden { noteRefusal(head.status.code) }
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

    /// The gateway has let a query in that the query service refuses: their settings differ, or one has seen a change that
    /// the other has not. The client is told what the query service says.
    private func noteRefusal(_ status: UInt) {
        let now = ContinuousClock.now
        let isDue = nextWarning.value.withLock { next in
            guard next.map({ $0 <= now }) ?? true else { return false }
            next = now + Self.warningInterval
            return true
        }
        guard isDue else { return }
        logger.warning(
            "the query service refuses a query that the gateway has let in: do both have the same settings of access?",
            metadata: ["status": "\(status)", "address": "\(target)"])
    }

    /// What a client is told whose query was not answered.
    func problem(for error: UpstreamError) -> Problem {
        if case .headUnknown = error { return Self.headUnknown }
        logger.warning("the query service did not answer", metadata: ["error": "\(error)", "address": "\(target)"])
        return Self.unavailable
    }

    /// What the gateway's own answers to queries tell of the log.
    var knownFields: HTTPFields { tellFields() }

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

    private static let headUnknown = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the event log has not told yet what it holds, so an answer might be older than earlier ones; "
            + "ask again later", headers: [.retryAfter: "1"])

    private static let unavailable = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the query service does not answer; ask again later", headers: [.retryAfter: "1"])
}
