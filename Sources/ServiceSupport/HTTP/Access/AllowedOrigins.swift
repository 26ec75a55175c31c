internal import HTTPTypes
internal import NIOHTTP1

/// The origins whose pages a browser lets use a server (the CORS protocol of the Fetch Standard).
///
/// Hummingbird has a middleware for that, but it stands behind what refuses requests and what forwards queries: neither's
/// answers would pass it. So the first handler behind the parser of HTTP does it.
public struct AllowedOrigins: Hashable, Sendable {
    private var origins: Set<String> = []

    /// None.
    public init() {}

    /// Reads origins, separated by commas: `https://bank.example, http://localhost:3000`.
    ///
    /// - Throws: ``SettingError`` for anything else.
    init(settingText text: String) throws(SettingError) {
        for part in text.split(separator: ",") {
            var part = part.drop { $0 == " " }
            while part.hasSuffix(" ") { part.removeLast() }
            guard let origin = Self.origin(String(part)) else {
                throw SettingError("expected origins such as https://bank.example, separated by commas")
            }
            origins.insert(origin)
        }
    }

    /// Whether there are none.
    var isEmpty: Bool { origins.isEmpty }

    /// Whether an origin is one of them, as a browser writes it (RFC 6454, section 6.2).
    func contain(_ origin: String) -> Bool { origins.contains(origin) }

    /// An origin as browsers write it; nil if it is none.
    private static func origin(_ text: String) -> String? {
        guard let separator = text.firstRange(of: "://"),
            let authority = Authority(text[separator.upperBound...]), !authority.host.isEmpty
        else { return nil }
        let standard: UInt16
        let scheme = text[..<separator.lowerBound].lowercased()
        switch scheme {
        case "http": standard = 80
        case "https": standard = 443
        default: return nil
        }
        let host = authority.host.contains(":") ? "[\(authority.host)]" : authority.host
        let port = authority.port.flatMap { $0 == standard ? nil : ":\($0)" } ?? ""
        return "\(scheme)://\(host)\(port)"
    }
}

/// What an answer tells the browser of a page.
struct OriginAnswer {
    /// So long a browser may remember what it was told, in seconds.
    private static let maxAge = "600"

    /// The fields of requests that mean anything here, beside those that every page may send.
    private static let requestFields = [
        "Accept", "Authorization", "Content-Type", "Daybook-Causation-Id", "Daybook-Correlation-Id",
        "Daybook-Min-Position", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "traceparent",
    ].joined(separator: ", ")

    /// The fields of answers that a page may read, beside those that every page may.
    private static let answerFields = [
        "Content-Disposition", "Daybook-Log-Id", "Daybook-Position", "Daybook-Stale", "Daybook-Unreadable-Accounts",
        "ETag", "Idempotent-Replayed", "Link", "Location", "Retry-After", "WWW-Authenticate",
    ].joined(separator: ", ")

    /// The origin, if its page may have the answer.
    let allowed: String?

    /// What is told with every answer.
    func add(to headers: inout HTTPHeaders) {
        // What was forwarded may say so already.
        if !headers["vary"].contains(where: { $0.lowercased().contains("origin") }) {
            headers.add(name: "vary", value: "Origin")
        }
        guard let allowed else { return }
        headers.replaceOrAdd(name: "access-control-allow-origin", value: allowed)
        headers.replaceOrAdd(name: "access-control-expose-headers", value: Self.answerFields)
    }

    /// The further fields of the answer to a browser that asks before it sends a page's request.
    static func preflight(methods: [HTTPRequest.Method]) -> HTTPHeaders {
        [
            "access-control-allow-methods": methods.map(\.rawValue).joined(separator: ", "),
            "access-control-allow-headers": requestFields, "access-control-max-age": maxAge,
        ]
    }
}
