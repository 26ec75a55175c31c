internal import Dispatch
internal import EventSourcing
internal import Synchronization

/// Begins a write and waits for its end, for programs that do nothing else meanwhile.
enum BlockingWrite {
    private final class Answer: Sendable {
        let result = Mutex<StoreWriteResult?>(nil)
        let hasCome = DispatchSemaphore(value: 0)
    }

    /// The result of a write that ended well.
    ///
    /// - Throws: ``StoreObstacle`` if nothing was written; ``OutcomeUnknown`` if it is not known in time; why it failed.
    static func run(_ write: StoreWrite, _ inbox: WriterInbox, _ state: LeadState, within limit: Duration) throws
        -> StoreWriteResult
    {
        let answer = Answer()
        inbox.begin(write) { result in
            answer.result.withLock { $0 = result }
            answer.hasCome.signal()
        }
        let milliseconds = Int(clamping: limit.components.seconds &* 1000)
        guard answer.hasCome.wait(timeout: .now() + .milliseconds(milliseconds)) == .success,
            let result = answer.result.withLock({ $0 })
        else { throw OutcomeUnknown("whether a write was recorded is unknown: \(state.delay ?? "it takes too long")") }
        switch result {
        case .obstructed(let obstacle): throw obstacle
        case .failed(let error): throw error
        case .appended, .kept, .done: return result
        }
    }
}
