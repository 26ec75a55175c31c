internal import ArgumentParser
internal import JSON
internal import ServiceSupport

/// The pages of a long answer, one after another, all of one history of one log.
struct Pages {
    private let connection: HTTPConnection
    private var path: String?
    private var first: HTTPConnection.Answer?

    /// Pages that begin with one at a path.
    init(_ connection: HTTPConnection, _ path: String) {
        self.connection = connection
        self.path = path
    }

    /// The next page; nil after the last.
    mutating func next() async throws -> [JSONValue]? {
        guard let path else { return nil }
        let answer = try await connection.expect(path)
        if let first {
            // The log was replaced, or restored from a backup: the rest would not follow on what was shown.
            guard answer.logID == first.logID, (answer.position ?? 0) >= (first.position ?? 0) else {
                Terminal.tell("daybook: the log is not the same any more as at the first page; ask again")
                throw ExitCode.failure
            }
        }
        first = first ?? answer
        self.path = answer.next
        guard case .array(let elements) = answer.body else { return nil }
        return elements
    }
}
