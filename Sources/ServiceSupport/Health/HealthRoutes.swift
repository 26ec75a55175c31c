internal import Access
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import NIOCore

/// What a service tells of its health.
public struct Health: Sendable {
    let service: String
    let readiness: @Sendable () async -> Readiness

    /// The health of a service.
    ///
    /// - Parameters:
    ///   - service: its name in metrics: `query` makes `daybook_query_position`.
    ///   - readiness: asked at every request; must answer at once.
    public init(of service: String, readiness: @escaping @Sendable () async -> Readiness) {
        self.service = service
        self.readiness = readiness
    }
}

/// `/livez`, `/readyz` and `/metrics`, which every service answers.
enum HealthRoutes {
    /// - Parameters:
    ///   - warnings: what the operator should know of how the server is protected.
    ///   - server: the figures of the server itself.
    static func make(
        _ health: Health, warnings: @escaping @Sendable () -> [String] = { [] },
        _ server: @escaping @Sendable () -> [Figure]
    ) -> [Route] {
        [
            // Depends on nothing but the process.
            Route(
                "/livez", parameters: .ignored,
                [.get: .needing(.everybody) { _, _, _ in Response.json(.ok) { $0.value(status("live")) } }]),
            Route(
                "/readyz", parameters: .ignored,
                [
                    .get: .needing(.everybody) { _, _, caller in
                        readyz(await health.readiness(), warnings(), details: isToldDetails(caller))
                    }
                ]),
            Route(
                "/metrics", parameters: .ignored,
                [
                    .get: .needing(.operate) { _, _, _ in
                        let readiness = await health.readiness()
                        let ready = Figure(
                            .gauge, "ready", readiness.missing.isEmpty ? 1 : 0,
                            help: "1 where the service can do its job now.")
                        let figures = [ready] + readiness.figures + server() + ProcessFigures.all
                        let text = MetricsText.of(figures, prefix: "daybook_\(health.service)_")
                        return Response(
                            status: .ok, headers: [.contentType: MetricsText.mediaType],
                            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
                    }
                ]),
        ]
    }

    /// Whether a target is one of theirs.
    static func answer(_ target: String) -> Bool {
        ["/livez", "/readyz", "/metrics"].contains(target.prefix { $0 != "?" })
    }

    /// Details tell of all accounts, and how the services are reached: not for strangers.
    private static func isToldDetails(_ caller: Caller) -> Bool { caller.standing != .stranger && caller.seesAll }

    private static func readyz(_ readiness: Readiness, _ warnings: [String], details: Bool) -> Response {
        let isReady = readiness.missing.isEmpty
        var members = [JSONValue.Member(name: "status", value: .string(isReady ? "ready" : "not ready"))]
        guard details else { return Response.json(isReady ? .ok : .serviceUnavailable) { $0.value(.object(members)) } }
        if !isReady {
            members.append(
                JSONValue.Member(name: "missing", value: .array(readiness.missing.map(JSONValue.string))))
        }
        let warnings = warnings + readiness.warnings
        if !warnings.isEmpty {
            members.append(JSONValue.Member(name: "warnings", value: .array(warnings.map(JSONValue.string))))
        }
        members += readiness.details
        // Figures with a label have many values under one name, for which this flat object has no place.
        members += readiness.figures.filter { $0.label == nil }.map(\.member)
        return Response.json(isReady ? .ok : .serviceUnavailable) { $0.value(.object(members)) }
    }

    private static func status(_ text: String) -> JSONValue {
        .object([JSONValue.Member(name: "status", value: .string(text))])
    }
}
