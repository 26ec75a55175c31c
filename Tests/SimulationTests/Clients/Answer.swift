internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// How a gateway answers an order.
enum Answer<State: Aggregate> {
    /// It was executed: the aggregate after it, and the position of its last event; if it needed none, of the log then.
    case executed(Revision<State>, position: UInt64, isReplay: Bool)
    /// The domain refused it, in the state at a position of the log.
    case refused(State.Refusal, position: UInt64)
    /// It was refused when it first came: what was kept of that, and the position then.
    case replayedRefusal([UInt8], position: UInt64)
    case conditionFailed(actual: UInt64, position: UInt64)
    /// It would take from a stream that its sender does not see.
    case beyondReach(StreamID, position: UInt64)
    case keyReused
    case inProgress
    case failed(EventLogError.Code)
    /// The history, or the gateway itself, is at fault.
    case fault(String)
}

extension Answer {
    init(_ outcome: Result<CommandAnswer<State>, CommandFailure<State>>) {
        self =
            switch outcome {
            case .success(.executed(let revision, let position, let isReplay)):
                .executed(revision, position: position, isReplay: isReplay)
            case .success(.replayedRefusal(_, let body, let position)): .replayedRefusal(body, position: position)
            case .failure(.refused(let refusal, let position)): .refused(refusal, position: position)
            case .failure(.conditionFailed(let actual, let position)):
                .conditionFailed(actual: actual, position: position)
            case .failure(.beyondReach(let stream, let position)): .beyondReach(stream, position: position)
            case .failure(.keyReused): .keyReused
            case .failure(.inProgress): .inProgress
            case .failure(.log(let error)): .failed(error.code)
            case .failure(.unreadable(let error)): .fault(error.description)
            case .failure(.fault(let reason)): .fault(reason)
            }
    }

    /// The position of the log that it states, if it does.
    var position: UInt64? {
        switch self {
        case .executed(_, let position, _), .refused(_, let position), .replayedRefusal(_, let position),
            .conditionFailed(_, let position), .beyondReach(_, let position):
            position
        case .keyReused, .inProgress, .failed, .fault: nil
        }
    }
}
