public import Access
public import HTTPTypes
public import Hummingbird
internal import Logging
internal import NIOHTTP1

/// A path that a service answers at, with its methods. A segment `{id}` matches any one segment.
///
/// Every method names the permission that it needs: there is no route without a rule.
public struct Route: Sendable {
    /// Answers a request; a ``Problem`` that it throws becomes the answer. Whoever asks has the permission.
    public typealias Handler = @Sendable (Request, PathParameters, Caller) async throws -> Response

    /// How a method is answered.
    public struct Answer: Sendable {
        let permission: Permission
        let handler: Handler

        /// An answer for whoever has a permission.
        public static func needing(_ permission: Permission, _ handler: @escaping Handler) -> Answer {
            Answer(permission: permission, handler: handler)
        }
    }

    /// Where queries are forwarded to.
    public struct Forwarding: Sendable {
        let permission: Permission
        /// The path; it throws if they cannot be forwarded.
        let path: @Sendable (PathParameters) throws(Problem) -> String

        /// Queries of whoever has a permission go to a path.
        public static func needing(
            _ permission: Permission, to path: @escaping @Sendable (PathParameters) throws(Problem) -> String
        ) -> Forwarding {
            Forwarding(permission: permission, path: path)
        }
    }

    /// What becomes of the query of a request that the route's own handlers answer.
    public enum Parameters: Sendable {
        /// No parameter has a meaning here: each is refused.
        case none
        /// The handlers read them, and refuse what they don't know.
        case readByHandlers
        /// They are passed over, as by health checks, which some add parameters to.
        case ignored
    }

    let segments: [Segment]
    let parameters: Parameters
    let answers: [(method: HTTPRequest.Method, answer: Answer)]
    let forwarding: Forwarding?
    let takesAnyLength: Bool

    enum Segment: Hashable, Sendable {
        case literal(String)
        case parameter(String)
    }

    /// A route at a path such as `/accounts/{id}`.
    ///
    /// - Parameters:
    ///   - parameters: what becomes of query parameters.
    ///   - takesAnyLength: whether a body may be longer than the server's limit.
    ///   - forwarding: what becomes of its queries, if the server's ``RequestForwarder`` takes them.
    public init(
        _ path: String, parameters: Parameters = .none, _ answers: KeyValuePairs<HTTPRequest.Method, Answer>,
        takesAnyLength: Bool = false, forwardingQueries forwarding: Forwarding? = nil
    ) {
        self.parameters = parameters
        self.takesAnyLength = takesAnyLength
        self.forwarding = forwarding
        segments = path.split(separator: "/").map { segment in
            segment.hasPrefix("{") && segment.hasSuffix("}")
                ? .parameter(String(segment.dropFirst().dropLast())) : .literal(String(segment))
        }
        self.answers = answers.map { ($0.key, $0.value) }
    }

    /// All methods.
    var methods: [HTTPRequest.Method] {
        var methods = answers.map(\.method)
        if forwarding != nil { methods.append(.get) }
        if methods.contains(.get) { methods.append(.head) }
        return methods
    }

    /// What a method needs; nil if the route does not have it.
    func permission(for method: HTTPRequest.Method) -> Permission? {
        let asked: HTTPRequest.Method = method == .head ? .get : method
        if let answer = answers.first(where: { $0.method == method || $0.method == asked })?.answer {
            return answer.permission
        }
        return asked == .get ? forwarding?.permission : nil
    }
}

/// What the parameters of a route's path matched, percent-encoding undone.
public struct PathParameters: Hashable, Sendable {
    private var values: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String) { values.append((name, value)) }

    /// What the parameter matched.
    ///
    /// - Precondition: the route has the parameter.
    public subscript(_ name: String) -> String {
        guard let value = values.first(where: { $0.name == name })?.value else {
            preconditionFailure("the route has no parameter \(name)")
        }
        return value
    }

    /// Whether all parameters agree.
    public static func == (left: PathParameters, right: PathParameters) -> Bool {
        left.values.elementsEqual(right.values, by: ==)
    }

    /// Hashes all values.
    public func hash(into hasher: inout Hasher) {
        for entry in values { hasher.combine(entry.value) }
    }
}

/// Finds the route of a request and answers with its handler, or with the problem that the contract names: 404 for a
/// path that no route matches, 405 with `Allow` for a method that the route does not have.
struct RouteTable: HTTPResponder {
    let answers: AnswerCounts
    private let routes: [Route]
    private let callers: AdmittedCallers
    private let security: HTTPSecurity
    private let logger: Logger

    /// A table of routes; the first that matches a path answers.
    ///
    /// - Parameter callers: who asks on each connection.
    init(
        _ routes: [Route], for callers: AdmittedCallers, _ security: HTTPSecurity, counting answers: AnswerCounts,
        logger: Logger
    ) {
        self.routes = routes
        self.callers = callers
        self.security = security
        self.answers = answers
        self.logger = logger
    }

    /// Answers a request.
    ///
    /// - Throws: `HTTPParserError` where the request's body breaks the grammar of HTTP; the server deals with that.
    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let response: Response
        do {
            response = try await ClientPresence.$current.withValue(context.client) {
                let caller = callers.caller(on: context.client.channel)
                guard let rates = security.rates else { return try await answer(request, caller) }
                let address = ClientAddress(context.client.channel.remoteAddress)
                let pace = RequestPace(rates: rates, source: .init(caller, at: address))
                return try await RequestPace.$current.withValue(pace) { try await answer(request, caller) }
            }
        } catch let problem as Problem {
            response = problem.response
        } catch let error as HTTPParserError {
            throw error
        } catch {
            logger.error(
                "a request failed",
                metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"])
            response = Problem.internalError.response
        }
        answers.count(response.status.code)
        // An answer to HEAD with a body would be read as the beginning of the next answer.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ caller: Caller) async throws -> Response {
        let path = request.uri.path
        guard let (route, parameters) = route(of: path) else { throw Problem.notFound(path: path) }
        // Decided before; should that ever fail, this does not.
        if let permission = route.permission(for: request.method) { try caller.require(permission) }
        if let entry = route.answers.first(where: { $0.method == request.method }) {
            return try await answer(request, by: entry.answer, of: route, parameters, caller)
        }
        let isQuery = request.method == .get || request.method == .head
        if isQuery, let forwarding = route.forwarding {
            // The forwarder has left it for what is wrong with it.
            _ = try forwarding.path(parameters)
            throw ForwarderMissing()
        }
        let get = route.answers.first { $0.method == .get }
        if request.method == .head, let get {
            return try await answer(request, by: get.answer, of: route, parameters, caller)
        }
        throw Problem.methodNotAllowed(request.method, allowed: route.methods)
    }

    private func answer(
        _ request: Request, by answer: Route.Answer, of route: Route, _ parameters: PathParameters, _ caller: Caller
    ) async throws -> Response {
        if case .none = route.parameters { try request.requireNoParameters() }
        return try await answer.handler(request, parameters, caller)
    }

    /// The server was given a route whose queries are forwarded, and no forwarder.
    private struct ForwarderMissing: Error {}

    /// Where a query of a path is forwarded to; nil where it is not.
    ///
    /// - Throws: ``Problem`` where it cannot be, for what the path holds.
    func forwardedPath(of path: String) throws(Problem) -> String? {
        guard let (route, parameters) = route(of: path), let forwarding = route.forwarding else { return nil }
        return try forwarding.path(parameters)
    }

    /// What a request needs; nil if there is no such path, or method of it: that is said to everybody.
    func permission(for method: HTTPRequest.Method, _ path: String) -> Permission? {
        route(of: path)?.0.permission(for: method)
    }

    /// The methods of a path; nil if there is no such path.
    func methods(of path: String) -> [HTTPRequest.Method]? { route(of: path)?.0.methods }

    /// Whether the body of a request may be longer than the server's limit.
    func takesAnyLength(_ path: String) -> Bool { route(of: path)?.0.takesAnyLength == true }

    private func route(of path: String) -> (Route, PathParameters)? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for route in routes {
            if let parameters = Self.match(segments, route.segments) { return (route, parameters) }
        }
        return nil
    }

    private static func match(_ found: ArraySlice<Substring>, _ wanted: [Route.Segment]) -> PathParameters? {
        guard found.count == wanted.count else { return nil }
        var parameters = PathParameters()
        for (text, segment) in zip(found, wanted) {
            switch segment {
            case .literal(let literal):
                guard text == literal else { return nil }
            case .parameter(let name):
                guard !text.isEmpty else { return nil }
                parameters.add(name, PercentEncoding.undone(text) ?? String(text))
            }
        }
        return parameters
    }
}
