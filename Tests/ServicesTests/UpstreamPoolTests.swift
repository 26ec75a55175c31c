internal import NIOCore
import TestSupport
import Testing

@testable import QueryForwarding

/// The gateway's way to the query service, against a server that behaves well, badly, or not at all.
@Suite struct UpstreamPoolTests {
    /// A client with one event loop, so that all requests share its connections.
    private func asking(
        _ script: @escaping @Sendable (ScriptedServer.Request) -> [ScriptedServer.Act],
        _ body: (_ client: UpstreamClient, _ server: ScriptedServer) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer(script)
        let client = UpstreamClient(try server.address)
        do {
            try await body(client, server)
        } catch {
            Issue.record(error)
        }
        try await client.close()
        try await server.close()
    }

    private static let hello = ScriptedServer.answer("hello")

    @Test func `one connection serves one request after the other`() async throws {
        try await asking({ request in [ScriptedServer.answer("\(request.number) \(request.head.prefix(6))")] }) {
            client, server in
            for number in 0..<50 { try await client.expect("\(number) GET /a", at: "/a") }
            #expect(server.counts.opened == 1)
        }
    }

    @Test func `a connection whose answer says close is not used again`() async throws {
        try await asking({ _ in [ScriptedServer.answer("bye", "Connection: close\r\n")] }) { client, server in
            for _ in 0..<3 { try await client.expect("bye", at: "/") }
            #expect(server.counts.opened == 3)
        }
    }

    @Test func `a request that meets a connection closed while it rested is sent again on a new one`() async throws {
        try await asking({ $0.number == 0 ? [Self.hello] : [.close] }) { client, server in
            for _ in 0..<4 { try await client.expect("hello", at: "/") }
            #expect(server.counts.opened == 4)
            #expect(server.counts.requests == 7)
        }
    }

    @Test func `a request is sent again only once, and only where the connection had served before`() async throws {
        try await asking({ $0.connection == 0 && $0.number == 0 ? [Self.hello] : [.close] }) { client, server in
            try await client.expect("hello", at: "/")
            await #expect(throws: UpstreamError.self) { try await client.text("/") }
            #expect(server.counts.requests == 3)
            await #expect(throws: UpstreamError.self) { try await client.text("/") }
            #expect(server.counts.requests == 4)
        }
    }

    @Test func `an answer that is broken off is an error and not asked for again`() async throws {
        let half = ScriptedServer.Act.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        try await asking({ $0.number == 0 ? [Self.hello] : [half, .close] }) { client, server in
            try await client.expect("hello", at: "/")
            await #expect(throws: UpstreamError.self) { try await client.text("/") }
            #expect(server.counts.requests == 2)
        }
    }

    @Test func `nonsense is an error and ends the connection`() async throws {
        try await asking({ _ in [.send("what?\r\n\r\n")] }) { client, server in
            await #expect(throws: UpstreamError.self) { try await client.text("/") }
            try await eventually("it is closed") { server.counts.closed == 1 }
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
    func `an answer that does not come in time is an error and ends the connection`(beginning: String) async throws {
        try await asking({ _ in [.send(beginning)] }) { client, server in
            let begun = ContinuousClock.now
            await #expect(throws: UpstreamError.self) { try await client.text("/", patience: .milliseconds(300)) }
            #expect((.milliseconds(250)...(.seconds(5))).contains(.now - begun))
            try await eventually("it is closed") { server.counts.closed == 1 }
        }
    }

    @Test func `where nobody listens a request waits as long as for a connection`() async throws {
        let server = try await ScriptedServer { _ in [] }
        let address = try server.address
        try await server.close()
        let client = UpstreamClient(address)
        let begun = ContinuousClock.now
        await #expect(throws: UpstreamError.self) {
            try await client.text("/", connectionPatience: .milliseconds(300))
        }
        #expect((.milliseconds(250)...(.seconds(4))).contains(.now - begun))
        try await client.closePool()
        await #expect(throws: UpstreamError.self) { try await client.text("/") }
        try await client.close()
    }

    @Test func `the body of an answer without a length is streamed to its end`() async throws {
        let head = "HTTP/1.1 200 OK\r\n"
        let parts = ["\(head)\r\nup to ", "\(head)Transfer-Encoding: chunked\r\n\r\n6\r\nup to \r\n"]
        let ends: [[ScriptedServer.Act]] = [[.send("the end"), .close], [.send("7\r\nthe end\r\n0\r\n\r\n")]]
        try await asking({ [.send(parts[$0.connection])] + ends[$0.connection] }) { client, server in
            for _ in 0..<2 { try await client.expect("up to the end", at: "/") }
            #expect(server.counts.opened == 2)
        }
    }

    @Test func `an answer that has no body comes at once`() async throws {
        try await asking({ _ in [.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n")] }) { client, server in
            for _ in 0..<2 { try await client.expect("", at: "/") }
            #expect(server.counts.opened == 1)
        }
    }

    @Test func `a stream that is broken off ends with an error`() async throws {
        let beginning = ScriptedServer.Act.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        try await asking({ _ in [beginning, .close] }) { client, _ in
            await #expect(throws: UpstreamError.self) { try await client.text("/") }
        }
    }

    @Test func `no more is taken from the connection than its reader takes`() async throws {
        let parts = 1024
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(parts << 16)\r\n\r\n"
        try await asking({ _ in [.send(head), .pour(parts: parts)] }) { client, server in
            let answer = try await client.ask("/", taking: .little)
            var poured = -1
            try await eventually("the server is held up") {
                defer { poured = server.counts.pouredBytes }
                try await Task.sleep(for: .milliseconds(200))
                return poured > 0 && server.counts.pouredBytes == poured
            }
            #expect(poured < parts << 15, "most of it is what the system's own buffers hold")
            try await answer.takeAll()
            let body = try await answer.body()
            #expect(body.utf8.count == parts << 16)
            #expect(server.counts.opened == 1)
        }
    }

    @Test func `an answer that is given up ends its connection`() async throws {
        let beginning = ScriptedServer.Act.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        try await asking({ $0.head.contains("/silent") ? [] : [beginning] }) { client, server in
            let feed = try await client.ask("/", isFeed: true)
            try await eventually("a part has come") { feed.text == "half" }
            try await feed.cancel()
            try await eventually("its connection is closed") { server.counts.closed == 1 }
            let silent = try await client.ask("/silent")
            try await eventually("the request is there") { server.counts.requests == 2 }
            try await silent.cancel()
            try await eventually("its connection is closed, too") { server.counts.closed == 2 }
        }
    }

    @Test func `a feed is ended where the gateway stops, and no new one begins`() async throws {
        let beginning = ScriptedServer.beginning(ofFeed: "4\r\nhalf\r\n")
        try await asking({ $0.head.contains("/feed") ? [beginning] : [Self.hello] }) { client, server in
            let feed = try await client.ask("/feed", isFeed: true)
            try await eventually("a part has come") { feed.text == "half" }
            try await client.endFeeds()
            #expect(try await feed.body() == "half")
            try await eventually("its connection is closed") { server.counts.closed == 1 }
            await #expect(throws: UpstreamError.self) { try await client.text("/feed", isFeed: true) }
            try await client.expect("hello", at: "/")
        }
    }

    @Test func `connections are bounded, and more requests wait for one`() async throws {
        let most = UpstreamPool.mostConnections
        try await asking({ $0.head.contains("/slow") ? [] : [Self.hello] }) { client, server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<most {
                    group.addTask { _ = try? await client.text("/slow", patience: .milliseconds(800)) }
                }
                try await eventually("all are under way") { server.counts.requests == most }
                for _ in 0..<most { group.addTask { try await client.expect("hello", at: "/") } }
                try await group.waitForAll()
            }
            #expect(server.counts.opened - server.counts.closed <= most)
        }
    }

    @Test func `feeds leave the connections to others`() async throws {
        let beginning = ScriptedServer.beginning(ofFeed: "2\r\nhi\r\n")
        let feeds = UpstreamPool.mostConnections + 10
        try await asking({ $0.head.contains("/feed") ? [beginning] : [Self.hello] }) { client, server in
            var open: [UpstreamClient.Answer] = []
            for _ in 0..<feeds { open.append(try await client.ask("/feed", isFeed: true)) }
            try await eventually("all have begun") { open.allSatisfy { $0.text == "hi" } }
            try await client.expect("hello", at: "/")
        }
    }
}

extension UpstreamClient {
    fileprivate func expect(
        _ expected: String, at path: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await text(path)
        #expect(found == expected, sourceLocation: sourceLocation)
    }
}
