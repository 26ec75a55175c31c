internal import ArgumentParser
internal import AsyncHTTPClient
internal import Glibc
internal import JSON
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import ServiceSupport

/// Asks a service over HTTP.
struct HTTPConnection {
    struct Answer {
        let status: UInt
        let body: JSONValue
        /// Where the next page is; nil at the end.
        let next: String?
        let position: UInt64?
        let logID: String?
        /// Whether the service says that newer events are missing in it.
        let isStale: Bool
        /// How many accounts are left out, since a record of theirs can't be read.
        let unreadableAccounts: UInt64
        /// Whether it was given before, to the same command.
        let isReplayed: Bool
    }

    let address: HTTPAddress
    let access: ServiceAccess

    /// A request for a path, with what the service wants to know of who asks.
    ///
    /// - Throws: the exit code for a wrong setting, having told so.
    func request(_ path: String) throws -> HTTPClientRequest {
        do throws(SettingError) {
            return try access.request(address, path)
        } catch {
            Terminal.tell("daybook: wrong setting: \(error)")
            throw ExitCode(EX_USAGE)
        }
    }

    /// - Throws: the exit code for a service that cannot be reached, having told so.
    func get(_ path: String, timeout: Duration = .seconds(70)) async throws -> Answer {
        try await send(try request(path), timeout: timeout)
    }

    func post(_ path: String, timeout: Duration) async throws -> Answer {
        var request = try request(path)
        request.method = .POST
        return try await send(request, timeout: timeout)
    }

    /// Sends JSON.
    func post(
        _ path: String, body: [UInt8], headers: [(String, String)], timeout: Duration = .seconds(70)
    ) async throws -> Answer {
        var request = try request(path)
        request.method = .POST
        request.headers.add(contentsOf: HTTPHeaders([("Content-Type", "application/json")] + headers))
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await send(request, timeout: timeout)
    }

    /// The very bytes of an answer of a media type; one that is an error is told and ends the program.
    func bytes(_ path: String, of mediaType: String, timeout: Duration = .seconds(70)) async throws -> [UInt8] {
        var request = try request(path)
        request.headers.add(name: "Accept", value: mediaType)
        let (answer, bytes) = try await exchange(request, timeout: timeout)
        guard answer.status == .ok else { throw refusal(answer.status.code, try json(bytes)) }
        return Array(bytes.readableBytesView)
    }

    /// The body of an answer, whatever its status; nil where there is none.
    func lookQuietly(_ path: String) async -> JSONValue? {
        do {
            let answer = try await access.client.execute(try request(path), timeout: .seconds(2))
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
        if answer.isStale {
            Terminal.tell(
                "daybook: warning: newer events are missing: the query service stopped at position "
                    + "\(answer.position ?? 0), and daybook status says why")
        }
        if answer.unreadableAccounts > 0 {
            Terminal.tell(
                "daybook: warning: accounts with a record that cannot be read are left out, "
                    + "\(answer.unreadableAccounts) in all: daybook status names them")
        }
        return answer
    }

    /// Tells of an answer that is an error.
    func refusal(_ answer: Answer) -> ExitCode { refusal(answer.status, answer.body) }

    func refusal(_ status: UInt, _ body: JSONValue) -> ExitCode {
        let text = body["detail"]?.text ?? ""
        let advice = status == 401 && !access.showsToken ? "; daybook takes one from DAYBOOK_TOKEN_FILE" : ""
        Terminal.tell("daybook: \(address) answers \(status)\(text.isEmpty ? "" : ": \(text)")\(advice)")
        return status >= 500 ? ExitCode(EX_UNAVAILABLE) : .failure
    }

    private func exchange(
        _ request: HTTPClientRequest, timeout: Duration
    ) async throws -> (HTTPClientResponse, ByteBuffer) {
        do {
            let answer = try await access.client.execute(request, timeout: .seconds(timeout.components.seconds))
            return (answer, try await answer.body.collect(upTo: 256 << 20))
        } catch {
            throw unreachable(error)
        }
    }

    private func send(_ request: HTTPClientRequest, timeout: Duration) async throws -> Answer {
        let (answer, bytes) = try await exchange(request, timeout: timeout)
        return Answer(
            status: answer.status.code, body: try json(bytes),
            next: answer.headers.first(name: "link").flatMap(Self.next),
            position: answer.headers.first(name: "daybook-position").flatMap { UInt64($0) },
            logID: answer.headers.first(name: "daybook-log-id"),
            isStale: answer.headers.first(name: "daybook-stale") == "true",
            unreadableAccounts: answer.headers.first(name: "daybook-unreadable-accounts").flatMap { UInt64($0) } ?? 0,
            isReplayed: answer.headers.first(name: "idempotent-replayed") == "true")
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
        Terminal.tell("daybook: cannot reach \(address): \(Self.reason(error))")
        return ExitCode(EX_UNAVAILABLE)
    }

    /// Why a connection failed, in words for an operator, whatever the library says.
    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return reason(first.error) }
            return "there is no such host"
        case is NIOTooManyBytesError: return "its answer is too long"
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .readTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout:
                return "it does not answer in time"
            case .remoteConnectionClosed: return "it closed the connection"
            case .tlsHandshakeTimeout: return "it does not answer in time"
            default: return "it does not speak HTTP"
            }
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            return "it does not speak TLS or has no certificate that is trusted"
        default: return "the connection failed"
        }
    }

    private static func next(_ link: String) -> String? {
        guard link.hasPrefix("<"), let end = link.firstRange(of: ">; rel=\"next\"") else { return nil }
        return String(link[link.index(after: link.startIndex)..<end.lowerBound])
    }
}
