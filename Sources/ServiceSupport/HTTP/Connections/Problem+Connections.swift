internal import HTTPTypes
internal import NIOHTTP1

extension Problem {
    /// 400: what came is no request of HTTP, or one that it forbids.
    static func badRequest(_ detail: String) -> Problem {
        Problem(.badRequest, "malformed-request", title: "Malformed request", detail: detail)
    }

    /// What is wrong with what HTTP's parser does not take.
    static func malformed(_ error: HTTPParserError) -> Problem {
        switch error {
        case .headerOverflow:
            Problem(
                .requestHeaderFieldsTooLarge, "headers-too-large", title: "Headers too large",
                detail: "a request's target and fields may have at most 80 KiB and 1000 fields")
        case .invalidMethod:
            Problem(
                .methodNotAllowed, "method-not-allowed", title: "Method not allowed",
                detail: "HTTP has no such method, or what came is no HTTP", headers: [.allow: "GET, HEAD, POST"])
        case .invalidVersion:
            Problem(
                .httpVersionNotSupported, "http-version-not-supported", title: "HTTP version not supported",
                detail: "HTTP/1.1 and HTTP/1.0 are spoken here")
        default:
            badRequest("what came is no HTTP request")
        }
    }

    /// 414: the target is longer than the server takes.
    static func uriTooLong(limit: Int) -> Problem {
        Problem(
            .uriTooLong, "uri-too-long", title: "URI too long",
            detail: "a request's target may have at most \(limit) bytes")
    }

    /// 421: the request is for another server.
    static func misdirected(_ host: String) -> Problem {
        Problem(
            .misdirectedRequest, "misdirected-request", title: "Misdirected request",
            detail: "the host “\(host.prefix(256))” is none of this server: see the setting HTTP_ALLOWED_HOSTS")
    }

    /// 403: a page of another site asks for something that has an effect.
    static let foreignOrigin = Problem(
        .forbidden, "foreign-origin", title: "Foreign origin",
        detail: "a page of another origin may not ask for what has an effect")

    /// 408: the client was too slow.
    static let requestTimeout = Problem(
        .requestTimeout, "request-timeout", title: "Request timeout", detail: "the request came too slowly")

    /// 417: the client expects what the server does not do.
    static func expectationFailed(_ expectation: String) -> Problem {
        Problem(
            .expectationFailed, "expectation-failed", title: "Expectation failed",
            detail: "“\(expectation.prefix(256))” is expected, and only 100-continue can be")
    }

    /// 503: as many clients are connected as may.
    static let tooManyConnections = Problem(
        .serviceUnavailable, "overloaded", title: "Overloaded",
        detail: "as many clients are connected as may, in all or from this address; try again later",
        headers: [.retryAfter: "1"])
}
