import JSON
import NIOHTTP1
import ServiceSupport
import Testing

/// What every service answers at `/livez`, `/readyz` and `/metrics`.
@Suite struct HealthTests {
    /// Serves the health of a service that says this of itself.
    private func serving(
        _ readiness: Readiness, _ body: (_ address: String) async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.remove() }
        let service = HTTPService(
            health: Health(of: "test") { readiness }, at: place.commandAddress, setting: "TEST", logger: quiet)
        try await running([service]) {
            try await answers(place.commandAddress)
            try await body("http://\(place.commandAddress)")
        }
    }

    private let figures = [
        Figure(.gauge, "position", 41, help: "The position."),
        Figure(.gauge, "projection_position", 7, label: ("projection", "accounts"), help: "Of a projection."),
        Figure(.counter, "gaps", .max, help: "Gaps."),
    ]

    @Test func `a service that can do its job is ready, with its details and its unlabelled figures`() async throws {
        let details = [JSONValue.Member(name: "log", value: .string("x"))]
        try await serving(Readiness(missing: [], details: details, figures: figures)) { address in
            let (status, body, _) = try await send(.GET, "\(address)/readyz", body: nil)
            #expect(status == 200)
            #expect(body == #"{"status":"ready","log":"x","position":41,"gaps":9223372036854775807}"#)
            let (_, metrics, _) = try await send(.GET, "\(address)/metrics", body: nil)
            let lines = metrics.split(separator: "\n")
            #expect(lines.contains("daybook_test_ready 1"))
            #expect(lines.contains("daybook_test_position 41"))
            #expect(lines.contains(#"daybook_test_projection_position{projection="accounts"} 7"#))
            #expect(lines.contains("daybook_test_gaps_total 18446744073709551615"))
            #expect(lines.contains(#"daybook_test_http_answers_total{status="200"} 2"#), "\(metrics)")
        }
    }

    @Test func `a service that cannot says what is missing, and lives`() async throws {
        try await serving(Readiness(missing: ["the log is away", "so is the moon"], figures: figures)) { address in
            let (status, body, _) = try await send(.GET, "\(address)/readyz", body: nil)
            #expect(status == 503)
            #expect(body.hasPrefix(#"{"status":"not ready","missing":["the log is away","so is the moon"],"#))
            let (livez, live, _) = try await send(.GET, "\(address)/livez", body: nil)
            #expect(livez == 200)
            #expect(live == #"{"status":"live"}"#)
            let (ok, metrics, _) = try await send(.GET, "\(address)/metrics", body: nil)
            #expect(ok == 200)
            let lines = metrics.split(separator: "\n")
            #expect(lines.contains("daybook_test_ready 0"))
            #expect(lines.contains(#"daybook_test_http_answers_total{status="503"} 1"#), "\(metrics)")
        }
    }
}
