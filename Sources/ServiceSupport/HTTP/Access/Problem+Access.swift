public import Access
internal import HTTPTypes
internal import JSON

extension Problem {
    /// 401: whoever asks must prove who it is (RFC 6750, section 3).
    public static let unauthenticated = Problem(
        .unauthorized, "unauthenticated", title: "Unauthenticated",
        detail: "this needs a token: send it as Authorization: Bearer TOKEN", headers: [.wwwAuthenticate: "Bearer"])

    /// 401: what was shown proves nothing. Why is said to the operator, not to the client.
    static let invalidToken = Problem(
        .unauthorized, "unauthenticated", title: "Unauthenticated",
        detail: "the credentials are not accepted: they are malformed, unknown, expired or revoked",
        headers: [.wwwAuthenticate: #"Bearer error="invalid_token""#])

    /// 403: whoever asks would need this role, or one with more rights.
    public static func forbidden(needed role: Role) -> Problem {
        Problem(
            .forbidden, "forbidden", title: "Forbidden", detail: "this needs the role \(role.rawValue)",
            members: [JSONValue.Member(name: "role", value: .string(role.rawValue))])
    }

    /// 503: too many signatures wait to be verified.
    static let verificationOverloaded = Problem(
        .serviceUnavailable, "overloaded", title: "Overloaded",
        detail: "more tokens wait to be verified than the service takes; ask again later",
        headers: [.retryAfter: "1"])

    /// 429: more requests than the service takes from one client.
    ///
    /// - Parameter seconds: when the next one is taken.
    static func rateLimited(retryAfter seconds: Int) -> Problem {
        Problem(
            .tooManyRequests, "rate-limited", title: "Rate limited",
            detail: "more requests than HTTP_RATE_LIMIT allows one client; ask again after \(seconds) s",
            headers: [.retryAfter: String(seconds)])
    }
}

extension Caller {
    /// - Throws: ``Problem`` 401 or 403 if the caller does not have the permission.
    func require(_ permission: Permission) throws(Problem) {
        switch decision(for: permission) {
        case .allowed: break
        case .unauthenticated: throw .unauthenticated
        case .forbidden(let needed): throw .forbidden(needed: needed)
        }
    }
}
