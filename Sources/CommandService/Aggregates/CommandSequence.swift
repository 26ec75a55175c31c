internal import DequeModule

/// Commands for one aggregate that must be obeyed in their order, although each is sent to the log before the one before
/// it is answered.
///
/// A command may be decided when every earlier one is decided and, as far as is known, will stay so. Where the log
/// refuses one, those that stood on it will be refused too; until each of them is decided again, no later one is decided.
///
/// A pure data structure, of the aggregate's place in the cache.
struct CommandSequence {
    private enum Phase {
        /// It is to be decided, or is being decided.
        case open
        /// Its events are on their way.
        case sent
        /// Its events are on their way, and the pipeline has given them up: they will be refused, or nobody knows.
        case doomed
    }

    /// The phase of the first command that is not answered, and its number. It stands alone, for mostly it is.
    private var first: Phase?
    private var firstNumber = 1
    /// The phases of those after it; nil for one that is answered.
    private var others: Deque<Phase?> = []
    private var lastNumber = 0
    /// How many are open or doomed.
    private var undecided = 0
    private var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []

    /// Whether one that enters now may be decided at once.
    var mayEnter: Bool { undecided == 0 }

    /// A place at the end.
    mutating func enter() -> Int {
        lastNumber += 1
        undecided += 1
        if first == nil {
            first = .open
            firstNumber = lastNumber
        } else {
            others.append(.open)
        }
        return lastNumber
    }

    /// Whether a command may be decided now.
    func isTurn(of number: Int) -> Bool {
        if undecided == 0 { return true }
        return !(firstNumber..<number).contains { phase(of: $0).map { $0 != .sent } ?? false }
    }

    /// Lets a command wait until it may be decided.
    mutating func wait(_ number: Int, _ continuation: CheckedContinuation<Void, Never>) {
        waiting.append((number, continuation))
    }

    /// A command's events were sent.
    mutating func sent(_ number: Int) {
        set(.sent, of: number)
        wakeNext()
    }

    /// A command's events are not recorded, and so what stood on them will not be.
    mutating func refused(_ number: Int) {
        set(.open, of: number)
        for later in (number..<lastNumber).map({ $0 + 1 }) where phase(of: later) == .sent {
            set(.doomed, of: later)
        }
    }

    /// The pipeline has given up some of what is on its way, maybe all of it: no command is decided on what it then holds
    /// before it is known what became of those that were sent.
    mutating func doubtAll() {
        guard first != nil else { return }
        for number in firstNumber...lastNumber where phase(of: number) == .sent { set(.doomed, of: number) }
    }

    /// A command is answered.
    mutating func leave(_ number: Int) {
        set(nil, of: number)
        while first == nil, let next = others.popFirst() {
            first = next
            firstNumber += 1
        }
        wakeNext()
    }

    private func phase(of number: Int) -> Phase? {
        number == firstNumber ? first : others[number - firstNumber - 1]
    }

    private mutating func set(_ phase: Phase?, of number: Int) {
        func isUndecided(_ phase: Phase?) -> Bool { phase == .open || phase == .doomed }
        undecided += (isUndecided(phase) ? 1 : 0) - (isUndecided(self.phase(of: number)) ? 1 : 0)
        if number == firstNumber { first = phase } else { others[number - firstNumber - 1] = phase }
    }

    /// One at a time: the next is woken when this one has been decided.
    private mutating func wakeNext() {
        guard let index = waiting.indices.min(by: { waiting[$0].number < waiting[$1].number }),
            isTurn(of: waiting[index].number)
        else { return }
        waiting.remove(at: index).continuation.resume()
    }
}
