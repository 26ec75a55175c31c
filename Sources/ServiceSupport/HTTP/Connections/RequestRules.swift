internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1

/// What a server demands of every request, whatever it is about.
struct RequestRules: Sendable {
    /// What is known of a request that may go on.
    struct Checked {
        /// Its `Host`, which need not be checked again.
        let host: String?
        /// Whether a client that waits to be told to send the body is told so; nil if it does not wait.
        let tellsToContinue: Bool?
        /// It asks for another protocol.
        let hasUpgrade: Bool
        /// The origin of the page that it comes from, if its page may have the answer.
        let allowedOrigin: String?
    }

    /// The parser's own limit, 80 KiB for target and fields, leaves room for those of a gateway.
    private static let maxTarget = 64 << 10
    private static let maxRest = 64 << 10

    private let hosts: AllowedHosts
    private let table: RouteTable
    private let maxBody: Int
    let origins: AllowedOrigins

    /// - Parameter maxBody: the most bytes of a body, except for routes that take any length.
    init(hosts: AllowedHosts, origins: AllowedOrigins, table: RouteTable, maxBody: Int) {
        self.hosts = hosts
        self.origins = origins
        self.table = table
        self.maxBody = maxBody
    }

    /// Counts an answer that no route gave.
    func count(_ status: Int) { table.answers.count(status) }

    /// Checks the head of a request, and brings its target into origin form.
    ///
    /// - Parameters:
    ///   - knownHost: a `Host` that was checked before, on the same connection.
    ///   - address: the server's address on that connection.
    /// - Throws: ``Problem``; its answer must be the connection's last.
    func check(
        _ head: inout HTTPRequestHead, knownHost: String?, at address: SocketAddress?
    ) throws(Problem) -> Checked {
        var host: String?
        var origins: [String] = []
        var expectation: String?
        var hasUpgrade = false
        var hasTransferEncoding = false
        for (name, value) in head.headers {
            // Most fields are told apart by their length.
            switch name.utf8.count {
            case 4 where name.lowercased() == "host":
                guard host == nil else { throw .badRequest("a request has one Host, not two") }
                host = value
            case 6 where name.lowercased() == "origin": origins.append(value)
            case 6 where name.lowercased() == "expect": expectation = value
            case 7 where name.lowercased() == "upgrade": hasUpgrade = true
            case 17 where name.lowercased() == "transfer-encoding": hasTransferEncoding = true
            default: break
            }
        }
        let isFirstVersion = head.version == .http1_0
        // RFC 9112, sections 3.2 and 6.1.
        guard host != nil || isFirstVersion else { throw .badRequest("an HTTP/1.1 request has a Host") }
        guard !(isFirstVersion && hasTransferEncoding) else {
            throw .badRequest("an HTTP/1.0 request has no Transfer-Encoding")
        }
        try checkHost(host, known: knownHost, at: address)
        try checkTarget(&head, at: address)
        if !origins.isEmpty, ![.GET, .HEAD, .OPTIONS, .TRACE].contains(head.method) {
            for origin in origins where !hosts.isOwn(origin: origin, host: host) && !self.origins.contain(origin) {
                throw .foreignOrigin
            }
        }
        return Checked(
            host: host, tellsToContinue: try tellsToContinue(head, expectation, isFirstVersion),
            hasUpgrade: hasUpgrade,
            allowedOrigin: origins.count == 1 && self.origins.contain(origins[0]) ? origins[0] : nil)
    }

    /// The methods of a path, if a browser asks for them before it sends the request of a page that may.
    func preflight(_ head: HTTPRequestHead) -> [HTTPRequest.Method]? {
        guard head.method == .OPTIONS, head.headers.contains(name: "access-control-request-method") else { return nil }
        return table.methods(of: URI(head.uri).path)
    }

    /// Whether what is left of a request is so little that it is taken rather than the connection ended.
    func isShort(_ head: HTTPRequestHead) -> Bool {
        guard !head.headers.contains(name: "transfer-encoding"), !head.headers.contains(name: "expect") else {
            return false
        }
        let lengths = head.headers["content-length"]
        return lengths.isEmpty || (lengths.count == 1 && Int(lengths[0]).map { $0 <= Self.maxRest } == true)
    }

    private func checkHost(_ host: String?, known: String?, at address: SocketAddress?) throws(Problem) {
        guard let host, host != known else { return }
        guard let authority = Authority(host) else { throw .badRequest("Host is no host with an optional port") }
        guard hosts.allow(authority.host, at: address) else { throw .misdirected(host) }
    }

    /// RFC 9112, section 3.2; URIs are ASCII (RFC 3986).
    private func checkTarget(_ head: inout HTTPRequestHead, at address: SocketAddress?) throws(Problem) {
        guard head.uri.utf8.count <= Self.maxTarget else { throw .uriTooLong(limit: Self.maxTarget) }
        guard head.uri.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }) else {
            throw .badRequest("a request target has only visible ASCII characters, and no fragment")
        }
        // CONNECT names a host and OPTIONS may ask about the server as a whole: there is nothing of either here.
        guard head.uri.utf8.first != UInt8(ascii: "/"), head.method != .CONNECT, head.uri != "*" else { return }
        guard let scheme = head.uri.firstRange(of: "://"),
            ["http", "https"].contains(head.uri[..<scheme.lowerBound].lowercased())
        else { throw .badRequest("a request target is a path that begins with /, or an http URI") }
        let rest = head.uri[scheme.upperBound...]
        let path = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard let authority = Authority(rest[..<path]) else { throw .badRequest("the target's host is none") }
        guard hosts.allow(authority.host, at: address) else { throw .misdirected(String(rest[..<path])) }
        head.uri = rest[path...].hasPrefix("/") ? String(rest[path...]) : "/" + rest[path...]
    }

    /// RFC 9110, section 10.1.1: whoever is to be refused is not told to send its body.
    private func tellsToContinue(
        _ head: HTTPRequestHead, _ expectation: String?, _ isFirstVersion: Bool
    ) throws(Problem) -> Bool? {
        guard let expectation, !isFirstVersion else { return nil }
        guard expectation.lowercased() == "100-continue" else { throw .expectationFailed(expectation) }
        let path = String(head.uri.prefix { $0 != "?" })
        if table.takesAnyLength(path) { return true }
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        return announced <= maxBody
    }
}
