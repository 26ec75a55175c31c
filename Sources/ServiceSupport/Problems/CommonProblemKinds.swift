extension ProblemKind {
    /// The problems that are about HTTP and about the services, not about what they serve.
    static let common: [ProblemKind] = aboutRequests + aboutServices

    private static let aboutRequests = [
        ProblemKind(
            "malformed-request", 400, "Malformed request",
            meaning: "What came is no request of HTTP/1.1 or 1.0, or one that their rules forbid. Nothing was done.",
            remedy: "The detail tells what is wrong. Send exactly one Host, and a target in visible ASCII characters."),
        ProblemKind(
            "request-timeout", 408, "Request timeout",
            meaning: "The request's head or body came too slowly, and the connection was closed. Nothing was done.",
            remedy: "Send the request again, faster."),
        ProblemKind(
            "expectation-failed", 417, "Expectation failed",
            meaning: "The header field Expect holds something else than 100-continue.",
            remedy: "Send the request again without it."),
        ProblemKind(
            "http-version-not-supported", 505, "HTTP version not supported",
            meaning: "The request is of another version of HTTP than 1.1 and 1.0.",
            remedy: "Speak HTTP/1.1."),
        ProblemKind(
            "invalid-parameter", 400, "Invalid parameter",
            meaning: "A query parameter or header field is unknown here, is given twice, or holds what can't be read.",
            remedy: "The detail names the parameter, its value and what was expected. Correct it and send it again."),
        ProblemKind(
            "incomplete-body", 400, "Incomplete body",
            meaning: "The connection ended before the announced body was complete. Nothing was done.",
            remedy: "Send the request again, whole."),
        ProblemKind(
            "unauthenticated", 401, "Unauthenticated",
            meaning: "The request shows no token, or one that is malformed, unknown, expired or revoked. Nothing was "
                + "done.",
            remedy: "Send Authorization: Bearer TOKEN with a token that the service's operator has given out."),
        ProblemKind(
            "forbidden", 403, "Forbidden",
            meaning: "Whoever sent the request is known, and does not have the role that it needs. Nothing was done.",
            remedy: "Ask the service's operator for a token with the role.",
            members: ["role": "the role with the fewest rights that may do this"]),
        ProblemKind(
            "foreign-origin", 403, "Foreign origin",
            meaning: "A web page of another site sent a request that would have had an effect. Nothing was done.",
            remedy: "Send such requests from a program, from a page of this service's own origin, or from one of those "
                + "that the setting HTTP_CORS_ORIGINS names."),
        ProblemKind(
            "not-found", 404, "Not found",
            meaning: "There is nothing at this path, or not at the version that was asked for.",
            remedy: "GET /openapi.json lists the paths that there are."),
        ProblemKind(
            "method-not-allowed", 405, "Method not allowed",
            meaning: "The path is there, but not for this method.",
            remedy: "The header field Allow lists the methods that are possible."),
        ProblemKind(
            "payload-too-large", 413, "Payload too large",
            meaning: "The body, or a line of it, is longer than the service takes. Nothing of it was done.",
            remedy: "The detail tells the limit. Send many commands as the lines of POST /commands."),
        ProblemKind(
            "uri-too-long", 414, "URI too long", meaning: "The request's target is longer than the service takes.",
            remedy: "Ask with a shorter path and query."),
        ProblemKind(
            "unsupported-media-type", 415, "Unsupported media type",
            meaning: "The body is of another media type than the path takes, is not in UTF-8, or is compressed.",
            remedy: "Send Content-Type as the detail says, in UTF-8 and without Content-Encoding."),
        ProblemKind(
            "misdirected-request", 421, "Misdirected request",
            meaning: "The header field Host names something that this service is not.",
            remedy: "Ask at the service's address, or have the name added to its allowed hosts."),
        ProblemKind(
            "headers-too-large", 431, "Headers too large",
            meaning: "The request's header fields are longer than the service takes.",
            remedy: "Send fewer or shorter header fields."),
        ProblemKind(
            "internal-error", 500, "Internal error",
            meaning: "The service failed in a way that it doesn't know how to explain. Its log says why.",
            remedy: "Send the request again later, with the same Idempotency-Key if it is a command."),
    ]

    private static let aboutServices = [
        ProblemKind(
            "rate-limited", 429, "Rate limited",
            meaning: "This client sends more than the service takes from one client. Nothing was done.",
            remedy: "Send it again after the time in Retry-After, and then more slowly."),
        ProblemKind(
            "log-unavailable", 503, "Event log unavailable",
            meaning: "The event log can't be reached or does not answer. Nothing was recorded.",
            remedy: "Send the request again after the time in Retry-After."),
        ProblemKind(
            "not-caught-up", 503, "Not caught up",
            meaning: "The query service has not reached the log position that the answer must reflect, and never "
                + "answers with older data; or it can't be reached.",
            remedy: "Ask again after the time in Retry-After, or wait longer with the parameter wait."),
        ProblemKind(
            "overloaded", 503, "Overloaded",
            meaning: "More requests wait than the service takes. Nothing was done.",
            remedy: "Send the request again after the time in Retry-After."),
    ]
}
