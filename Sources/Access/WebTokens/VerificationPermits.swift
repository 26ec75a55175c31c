internal import Synchronization

/// A concurrency limit for verifications, which cost more than other parts of a request: some run at once, some wait,
/// further ones are turned away.
final class VerificationPermits: Sendable {
    private let maxRunning: Int
    private let maxWaiting: Int
    private let state = Mutex(State())

    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
        /// The first that still waits; those before it have their permits.
        var next = 0
    }

    init(maxRunning: Int, maxWaiting: Int) {
        self.maxRunning = max(1, maxRunning)
        self.maxWaiting = max(0, maxWaiting)
    }

    /// Runs `body` with a permit, as soon as there is one.
    ///
    /// - Returns: what it returns; nil if too many wait already.
    func withPermit<Value>(_ body: () -> Value) async -> Value? {
        guard await take() else { return nil }
        defer { give() }
        return body()
    }

    private func take() async -> Bool {
        await withCheckedContinuation { continuation in
            let isAdmitted = state.withLock { state -> Bool? in
                if state.running < maxRunning {
                    state.running += 1
                    return true
                }
                guard state.waiting.count - state.next < maxWaiting else { return false }
                state.waiting.append(continuation)
                return nil
            }
            if let isAdmitted { continuation.resume(returning: isAdmitted) }
        }
    }

    private func give() {
        let following = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.next < state.waiting.count else {
                state.running -= 1
                return nil
            }
            let following = state.waiting[state.next]
            state.next += 1
            if state.next == state.waiting.count {
                state.waiting.removeAll(keepingCapacity: true)
                state.next = 0
            } else if state.next >= 1024 {
                state.waiting.removeFirst(state.next)
                state.next = 0
            }
            return following
        }
        following?.resume(returning: true)
    }
}
