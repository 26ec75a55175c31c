internal import ArgumentParser
internal import AsyncHTTPClient
internal import Glibc
internal import JSON
internal import NIOCore
internal import NIOHTTP1
internal import ServiceSupport

/// Follows the live feed of a service over interruptions: every event once, in order, or an end that says why not.
struct EventFeed {
    private let connection: HTTPConnection
    private let path: String
    private var lastID = ""
    private var logID: String?
    private var hasToldOfInterruption = false

    /// Why the feed ended, to be taken up again.
    private struct Interruption: Error {
        let reason: String
    }

    /// A feed that begins as the path says.
    init(_ connection: HTTPConnection, _ path: String) {
        self.connection = connection
        self.path = path
    }

    /// Hands on events for as long as the log goes on.
    ///
    /// - Throws: the exit code, having told so, once the log is another one, or has another history than what was shown.
    mutating func follow(_ take: (JSONValue) -> Void) async throws {
        while true {
            do {
                try await read(take)
                tell("the service ended the connection")
            } catch let exit as ExitCode {
                throw exit
            } catch let interruption as Interruption {
                tell(interruption.reason)
            } catch {
                tell(HTTPConnection.reason(error))
            }
            // Before it connects again: not at once, and not as one with the other readers of a service that came back.
            try await Task.sleep(for: .milliseconds(Int.random(in: 500...1500)))
        }
    }

    private mutating func tell(_ reason: String) {
        guard !hasToldOfInterruption else { return }
        hasToldOfInterruption = true
        Terminal.tell("daybook: interrupted (\(reason)); trying to go on without a gap")
    }

    private mutating func read(_ take: (JSONValue) -> Void) async throws {
        var request = try connection.request(path)
        request.headers.add(name: "accept", value: "text/event-stream")
        if !lastID.isEmpty { request.headers.add(name: "last-event-id", value: lastID) }
        let answer = try await connection.access.client.execute(request, timeout: .seconds(10))
        guard answer.status == .ok else { throw try await refusal(answer) }
        let found = answer.headers.first(name: "daybook-log-id")
        if let logID, found != logID {
            Terminal.tell("daybook: another log answers: \(found ?? "none"), after \(logID)")
            throw ExitCode.failure
        }
        logID = found
        var reader = EventStreamReader()
        for try await part in answer.body {
            for event in try reader.read(part.readableBytesView) {
                lastID = event.id
                hasToldOfInterruption = false
                var json = JSONReader(event.data)
                do throws(JSONError) {
                    take(try json.readValue())
                } catch {
                    Terminal.tell("daybook: the event \(event.id) is passed over, as it cannot be read: \(error)")
                }
            }
            // A place that came without an event counts as well.
            if !reader.lastID.isEmpty { lastID = reader.lastID }
        }
    }

    /// What a refusal means: a service that cannot answer now is asked again.
    private func refusal(_ answer: HTTPClientResponse) async throws -> any Error {
        var body = JSONValue.null
        do {
            var reader = JSONReader(Array(try await answer.body.collect(upTo: 1 << 20).readableBytesView))
            body = try reader.readValue()
        } catch {
            // The status says enough.
        }
        guard answer.status.code >= 500 || answer.status == .tooManyRequests else {
            return connection.refusal(answer.status.code, body)
        }
        return Interruption(reason: body["detail"]?.text ?? "the service answers \(answer.status.code)")
    }
}
