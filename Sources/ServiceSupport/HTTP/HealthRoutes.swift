public import HTTPTypes
public import Hummingbird
public import JSON
internal import NIOCore

/// Whether a service can do its job now.
public struct Readiness: Hashable, Sendable {
    /// What is missing, each in one sentence; none: it can.
    public let missing: [String]
    /// Figures that an operator wants beside it.
    public let details: [JSONValue.Member]

    /// A readiness from its parts.
    public init(missing: [String], details: [JSONValue.Member] = []) {
        self.missing = missing
        self.details = details
    }
}

/// `/livez` and `/readyz`, which every service answers.
public enum HealthRoutes {
    /// The two routes.
    ///
    /// - Parameter readiness: asked at every request; must answer at once.
    public static func make(readiness: @escaping @Sendable () async -> Readiness) -> [Route] {
        [
            // Depends on nothing but the process.
            Route("/livez", [.get: { _, _ in Response.json(.ok) { $0.value(status("live")) } }]),
            Route(
                "/readyz",
                [
                    .get: { _, _ in
                        let readiness = await readiness()
                        let isReady = readiness.missing.isEmpty
                        var members = [
                            JSONValue.Member(name: "status", value: .string(isReady ? "ready" : "not ready"))
                        ]
                        if !isReady {
                            members.append(
                                JSONValue.Member(
                                    name: "missing", value: .array(readiness.missing.map(JSONValue.string))))
                        }
                        members += readiness.details
                        return Response.json(isReady ? .ok : .serviceUnavailable) { $0.value(.object(members)) }
                    }
                ]),
        ]
    }

    private static func status(_ text: String) -> JSONValue {
        .object([JSONValue.Member(name: "status", value: .string(text))])
    }
}

extension Response {
    /// An answer whose body is JSON.
    public static func json(
        _ status: HTTPResponse.Status, headers: HTTPFields = [:], _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Response {
        var writer = JSONWriter()
        try write(&writer)
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }
}
