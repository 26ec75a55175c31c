import Access
import Accounts
import CommandService
import EventLogProtocol
import EventSourcing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization
import Testing
import ZeroMQ

@testable import AccountsHTTP
@testable import QueryService
@testable import ServiceSupport

/// The tables of routes and the OpenAPI documents name the same ways in, and what each of them needs.
@Suite struct DocumentedRoutesTests {
    private let nowhere = EventLogAddress(append: "ipc:///nowhere", events: "ipc:///nowhere", read: "ipc:///nowhere")

    /// `GET /accounts/{id}` and the like, with the permission.
    private func operations(_ routes: [Route]) -> [String: String] {
        let health = Health(of: "test") { Readiness(missing: [], figures: []) }
        var operations: [String: String] = [:]
        for route in HealthRoutes.make(health, { [] }) + ProblemRoutes(AccountProblemKinds.all).routes + routes {
            let path = route.segments.map { segment in
                switch segment {
                case .literal(let text): "/\(text)"
                case .parameter(let name): "/{\(name)}"
                }
            }.joined()
            let methods = route.answers.map(\.method) + (route.forwarding == nil ? [] : [.get])
            for method in methods {
                operations["\(method) \(path)"] = route.permission(for: method).map { "\($0)" }
            }
        }
        return operations
    }

    private func document(_ service: OpenAPIDocument.Service, _ caller: Caller) async throws -> JSONValue {
        let response = try await OpenAPIDocument.route(of: service).answers[0].answer.handler(
            Request(
                head: HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/openapi.json"),
                body: RequestBody(buffer: ByteBuffer())), PathParameters(), caller)
        let body = Collected()
        try await response.body.write(Collector(body: body))
        var reader = JSONReader(body.bytes.withLock { $0 })
        return try reader.readValue()
    }

    /// What the document says of them, and of the proof that they need.
    private func described(_ document: JSONValue) throws -> [String: (permission: String?, security: JSONValue?)] {
        var described: [String: (permission: String?, security: JSONValue?)] = [:]
        guard case .object(let paths)? = document["paths"] else { return [:] }
        for path in paths {
            guard case .object(let members) = path.value else { continue }
            for member in members where member.name != "parameters" {
                described["\(member.name.uppercased()) \(path.name)"] = (
                    member.value["x-permission"]?.text, member.value["security"]
                )
            }
        }
        return described
    }

    @Test func `of the gateway`() async throws {
        let service = try CommandService(
            domain: AccountCommands(), log: nowhere, query: try #require(HTTPAddress("127.0.0.1:1")),
            limits: CommandLimits(cachedAggregates: 1, commandsInProgress: 1), context: try Context(), logger: silence)
        try await compare(service.routes + [OpenAPIDocument.route(of: .gateway)], .gateway)
    }

    @Test func `of the query service`() async throws {
        let queries = try Queries()
        let accounts = ProjectionHost<AccountDirectory>(logger: silence)
        let log = LogAccess(
            client: EventLogClient(nowhere, on: try SocketLoop(name: "test", context: try Context())),
            snapshots: SnapshotTrust(.ofThisProcess()))
        try await compare(
            queries.routes + ProjectionRoutes().adding(accounts, log: log).routes
                + [OpenAPIDocument.route(of: .queryService)], .queryService)
    }

    private func compare(_ routes: [Route], _ service: OpenAPIDocument.Service) async throws {
        let operations = operations(routes)
        #expect(operations.count > 10)
        for caller in [.stranger, .unrestricted, Caller(actor: "kim", standing: .role(.reader))] as [Caller] {
            let described = try described(try await document(service, caller))
            #expect(described.compactMapValues(\.permission) == operations)
            for (operation, (permission, security)) in described {
                let proofs = security?.elements ?? []
                // While nobody is asked for a proof, none is enough.
                let isOptional = proofs.contains(.object([]))
                #expect(proofs.isEmpty == (permission == "everybody"), "\(operation)")
                #expect(isOptional == (caller == .unrestricted && permission != "everybody"), "\(operation)")
            }
        }
    }

    @Test func `each command says what it needs`() async throws {
        let document = try await document(.gateway, .stranger)
        let schemas = try #require(document["components"]?["schemas"])
        for (kind, json) in [
            ("OpenAccount", #""owner":"A","initial_balance":1"#), ("Deposit", #""amount":1"#),
            ("Withdraw", #""amount":1"#), ("Transfer", #""amount":1,"to":"b""#),
            ("PlaceHold", #""amount":1,"hold":"h""#), ("CaptureHold", #""hold":"h""#), ("ReleaseHold", #""hold":"h""#),
            ("SetLimits", #""overdraft":1"#), ("Freeze", #""direction":"all","reason":"r""#),
            ("Unfreeze", #""reason":"r""#), ("Close", #""reason":"r""#), ("Reverse", #""version":2,"reason":"r""#),
        ] {
            let command = try AccountCommands().command(from: Array(#"{"type":"\#(kind)",\#(json)}"#.utf8))
            let permission = "\(AccountCommands().permission(for: command))"
            #expect(schemas[kind]?["x-permission"]?.text == permission)
            #expect(schemas["Bulk\(kind)"]?["x-permission"]?.text == permission)
        }
        #expect(schemas["Command"]?["oneOf"]?.elements.count == 12)
    }
}
