internal import EventSourcing

/// A request on its way to the service that leads, and what is known of it so far.
final class RequestAttempt {
    let request: LogRequest
    let due: ContinuousClock.Instant
    /// The bytes that it has as a frame.
    private(set) lazy var bytes = request.encoded(number: 0).count
    private let completion: RequestChannel.Completion
    /// Why it was not obeyed the last time.
    private(set) var failure: EventLogError?
    /// Services that did not obey it since it waited last.
    var refusals = 0

    init(_ request: LogRequest, until due: ContinuousClock.Instant, _ completion: @escaping RequestChannel.Completion) {
        self.request = request
        self.due = due
        self.completion = completion
    }

    /// Notes that a service did not obey it, or that no answer of it came.
    func note(_ error: EventLogError) {
        // It may have been carried out: whatever another service says later of its own does not change that.
        if failure?.code == .outcomeUnknown, error.code != .outcomeUnknown { return }
        failure = error
    }

    /// Calls the sender's completion with what came of it: once.
    func end(_ result: Result<LogReply, EventLogError>) {
        guard case .failure(let error) = result else { return completion(result) }
        note(error)
        completion(.failure(failure ?? error))
    }
}

extension LogRequest {
    /// Whether it may be sent again though it may have been carried out: with the same effect, and the same answer.
    var isRepeatable: Bool {
        switch self {
        // The key has one outcome, whoever asks and however often.
        case .append(let request): request.command != nil || request.isCheck
        case .keepSnapshot, .dropSnapshot: false
        case .readLog, .readStream, .status, .outcome, .loadStream, .streamVersion: true
        }
    }
}
