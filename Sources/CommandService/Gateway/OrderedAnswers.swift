internal import Synchronization

/// Answers that come in any order and are taken in theirs.
final class OrderedAnswers<Answer: Sendable>: Sendable {
    private struct State {
        var answers: [Answer?]
        /// The one who takes, and the place of the answer that it waits for.
        var waiter: (index: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(answers: Array(repeating: nil, count: count))) }

    /// An answer has come.
    func set(_ index: Int, _ answer: Answer) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.answers[index] = answer
            guard let waiter = state.waiter, waiter.index == index else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        continuation?.resume()
    }

    func isReady(_ index: Int) -> Bool { state.withLock { $0.answers[index] != nil } }

    /// The answers from a place on, up to the first that has not come; waits until there is one.
    ///
    /// One at a time may wait. It always ends, for every command is answered by its deadline.
    func next(from index: Int) async -> [Answer] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.answers[index] != nil { return true }
                state.waiter = (index, continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            state.answers[index...].prefix { $0 != nil }.compactMap(\.self)
        }
    }
}
