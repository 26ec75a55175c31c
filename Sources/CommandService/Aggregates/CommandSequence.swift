internal import Synchronization

/// Commands for one aggregate that must be obeyed in their order, although each is sent to the log before the one before
/// it is answered.
///
/// A command may be decided when every earlier one is decided and, as far as is known, will stay so. Where the log
/// refuses one, those that stood on it will be refused too; until each of them is decided again, no later one is decided.
///
/// It travels with the orders from the request's task to the host.
final class CommandSequence: Sendable {
    private let state = Mutex(State())

    /// Whether one that enters now may be decided at once.
    var mayEnter: Bool { state.withLock(\.mayEnter) }

    /// A place at the end.
    func enter() -> Int { state.withLock { $0.enter() } }

    /// Whether a command may be decided now.
    func isTurn(of number: Int) -> Bool { state.withLock { $0.isTurn(of: number) } }

    /// Lets a command wait until it may be decided.
    func wait(_ number: Int, _ continuation: CheckedContinuation<Void, Never>) {
        state.withLock { $0.waiting.append((number, continuation)) }
    }

    /// A command's events were sent.
    ///
    /// - Returns: those whose turn it is now, to be resumed.
    func sent(_ number: Int) -> [CheckedContinuation<Void, Never>] {
        state.withLock { $0.change(number, to: .sent) }
    }

    /// A command's events were refused, and so will be what stood on them.
    func refused(_ number: Int) { state.withLock { $0.refused(number) } }

    /// A command is answered.
    ///
    /// - Returns: those whose turn it is now, to be resumed.
    func leave(_ number: Int) -> [CheckedContinuation<Void, Never>] { state.withLock { $0.leave(number) } }
}

extension CommandSequence {
    fileprivate enum Phase {
        /// It is to be decided, or is being decided.
        case open
        /// Its events are on their way.
        case sent
        /// Its events are on their way and will be refused.
        case doomed
    }

    fileprivate struct State {
        private var phases: [(number: Int, phase: Phase)] = []
        var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
        private var lastNumber = 0

        var mayEnter: Bool { phases.allSatisfy { $0.phase == .sent } }

        mutating func enter() -> Int {
            lastNumber += 1
            phases.append((lastNumber, .open))
            return lastNumber
        }

        func isTurn(of number: Int) -> Bool {
            !phases.contains { $0.number < number && $0.phase != .sent }
        }

        mutating func refused(_ number: Int) {
            for index in phases.indices where phases[index].number >= number {
                if phases[index].number == number {
                    phases[index].phase = .open
                } else if phases[index].phase == .sent {
                    phases[index].phase = .doomed
                }
            }
        }

        mutating func leave(_ number: Int) -> [CheckedContinuation<Void, Never>] {
            phases.removeAll { $0.number == number }
            return takeReady()
        }

        mutating func change(_ number: Int, to phase: Phase) -> [CheckedContinuation<Void, Never>] {
            for index in phases.indices where phases[index].number == number { phases[index].phase = phase }
            return takeReady()
        }

        private mutating func takeReady() -> [CheckedContinuation<Void, Never>] {
            // One at a time: the next is asked for when this one has been decided.
            guard let index = waiting.indices.min(by: { waiting[$0].number < waiting[$1].number }),
                isTurn(of: waiting[index].number)
            else { return [] }
            return [waiting.remove(at: index).continuation]
        }
    }
}
