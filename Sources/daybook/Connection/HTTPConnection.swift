internal import ArgumentParser
internal import AsyncHTTPClient
internal import Glibc
internal import JSON
internal import NIOCore
internal import NIOHTTP1
internal import ServiceSupport

/// Asks a service over HTTP.
struct HTTPConnection {
    struct Answer {
        let status: UInt
        let body: JSONValue
        /// Where the next page is; nil at the end.
        let next: String?
        let position: UInt64?
    }

    let address: HTTPAddress

    /// Lives as long as the program. An address where nobody listens is told at once, not tried again.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(3))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// - Throws: the exit code for a service that cannot be reached, having told so.
    func get(_ path: String, timeout: Duration = .seconds(70)) async throws -> Answer {
        try await send(HTTPClientRequest(url: "http://\(address)\(path)"), timeout: timeout)
    }

    func post(_ path: String, timeout: Duration) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://\(address)\(path)")
        request.method = .POST
        return try await send(request, timeout: timeout)
    }

    /// The body of an answer, whatever its status; nil where there is none.
    func lookQuietly(_ path: String) async -> JSONValue? {
        do {
            let request = HTTPClientRequest(url: "http://\(address)\(path)")
            let answer = try await Self.client.execute(request, timeout: .seconds(2))
            return try json(try await answer.body.collect(upTo: 1 << 20))
        } catch {
            // That it cannot be reached is the finding.
            return nil
        }
    }

    /// As ``get(_:)``; an answer that is an error is told and ends the program.
    func expect(_ path: String) async throws -> Answer {
        let answer = try await get(path)
        guard answer.status == 200 else { throw refusal(answer) }
        return answer
    }

    /// Tells of an answer that is an error.
    func refusal(_ answer: Answer) -> ExitCode {
        let text = answer.body["detail"]?.text ?? ""
        Terminal.tell("daybook: \(address) answers \(answer.status)\(text.isEmpty ? "" : ": \(text)")")
        return answer.status >= 500 ? ExitCode(EX_UNAVAILABLE) : .failure
    }

    private func send(_ request: HTTPClientRequest, timeout: Duration) async throws -> Answer {
        let answer: HTTPClientResponse
        let bytes: ByteBuffer
        do {
            answer = try await Self.client.execute(request, timeout: .seconds(timeout.components.seconds))
            bytes = try await answer.body.collect(upTo: 256 << 20)
        } catch {
            throw unreachable(error)
        }
        return Answer(
            status: answer.status.code, body: try json(bytes),
            next: answer.headers.first(name: "link").flatMap(Self.next),
            position: answer.headers.first(name: "daybook-position").flatMap { UInt64($0) })
    }

    private func json(_ bytes: ByteBuffer) throws -> JSONValue {
        if bytes.readableBytes == 0 { return .null }
        do {
            var reader = JSONReader(Array(bytes.readableBytesView))
            return try reader.readValue()
        } catch {
            Terminal.tell("daybook: \(address) does not speak JSON: is it a Daybook? \(error)")
            throw ExitCode.failure
        }
    }

    func unreachable(_ error: any Error) -> ExitCode {
        Terminal.tell("daybook: cannot reach \(address): \(error)")
        return ExitCode(EX_UNAVAILABLE)
    }

    private static func next(_ link: String) -> String? {
        guard link.hasPrefix("<"), let end = link.firstRange(of: ">; rel=\"next\"") else { return nil }
        return String(link[link.index(after: link.startIndex)..<end.lowerBound])
    }

    /// The events of a feed of server-sent events, as their `data`, until the connection ends.
    func feed(_ path: String, after position: UInt64, _ take: (JSONValue) -> Void) async throws {
        var request = HTTPClientRequest(url: "http://\(address)\(path)")
        request.headers.add(name: "accept", value: "text/event-stream")
        request.headers.add(name: "last-event-id", value: String(position))
        let answer = try await Self.client.execute(request, timeout: .seconds(10))
        guard answer.status == .ok else {
            Terminal.tell("daybook: \(address) answers \(answer.status.code)")
            throw ExitCode.failure
        }
        var rest: [UInt8] = []
        for try await part in answer.body {
            rest += part.readableBytesView
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(rest[..<end])
                rest.removeSubrange(...end)
                let prefix = Array("data: ".utf8)
                guard line.starts(with: prefix) else { continue }
                var reader = JSONReader(Array(line.dropFirst(prefix.count)))
                take(try reader.readValue())
            }
        }
    }
}
