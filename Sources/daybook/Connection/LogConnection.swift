internal import ArgumentParser
internal import EventLogProtocol
internal import Glibc
internal import ServiceSupport
internal import ZeroMQ

/// Speaks with the event log over ZeroMQ for as long as a command needs it.
enum LogConnection {
    /// - Throws: the exit code for a log that cannot be reached, having told so; else what `body` throws.
    static func with<Value: Sendable>(
        _ address: EventLogAddress, _ body: (EventLogClient) async throws -> Value
    ) async throws -> Value {
        let (context, loop) = try open()
        let client = EventLogClient(address, on: loop)
        let result: Result<Value, any Error>
        do {
            // A connection takes a moment, and nothing is sent before it stands.
            try await client.connect(within: address.timeout)
            result = .success(try await body(client))
        } catch let error as EventLogError {
            Terminal.tell("daybook: \(error)")
            result = .failure(ExitCode(EX_UNAVAILABLE))
        } catch {
            result = .failure(error)
        }
        await client.close()
        await loop.close()
        await context.close()
        return try result.get()
    }

    private static func open() throws -> (Context, SocketLoop) {
        do throws(ZeroMQError) {
            let context = try Context()
            return (context, try SocketLoop(name: "daybook", context: context))
        } catch {
            Terminal.tell("daybook: cannot make a socket: \(error)")
            throw ExitCode.failure
        }
    }
}
