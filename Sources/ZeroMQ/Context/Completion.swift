internal import Synchronization

/// A result that is set once and awaited once; later results are dropped.
final class Completion: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Bool, Never>)
        case resolved(Bool)
    }

    private let state = Mutex(State.open)

    func resolve(_ result: Bool) {
        let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .resolved(result)
                return nil
            case .awaited(let continuation):
                state = .resolved(result)
                return continuation
            case .resolved:
                return nil
            }
        }
        continuation?.resume(returning: result)
    }

    func value() async -> Bool {
        await withCheckedContinuation { continuation in
            let result: Bool? = state.withLock { state in
                if case .resolved(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
