internal import DequeModule

/// Handshakes that are admitted and wait for their turn, each domain at its own rate.
struct WaitingHandshakes {
    private struct Waiting {
        let answer: [[UInt8]]
        let due: ContinuousClock.Instant
    }

    private struct Domain {
        var bucket: TokenBucket?
        var waiting: Deque<Waiting> = []
    }

    private let limit: Int
    private let patience: Duration
    private var domains: [String: Domain] = [:]
    /// Handshakes that waited too long, or were too many: their peers try again.
    private(set) var forgotten: UInt64 = 0

    /// - Parameters:
    ///   - limit: the most that wait in one domain; beyond it the oldest is forgotten.
    ///   - patience: how long one waits at most; whoever asked gives it up soon after, and an answer would be wasted.
    init(limit: Int, patience: Duration) {
        self.limit = limit
        self.patience = patience
    }

    mutating func add(
        _ answer: [[UInt8]], in domain: String, _ admission: Admission, at now: ContinuousClock.Instant
    ) {
        let new = Waiting(answer: answer, due: now + patience)
        if domains[domain] == nil {
            let bucket = admission.maxHandshakesPerSecond.map {
                TokenBucket(capacity: admission.maxHandshakesAtOnce, perSecond: $0)
            }
            domains[domain] = Domain(bucket: bucket)
        }
        domains[domain]?.waiting.append(new)
        guard domains[domain]?.waiting.count ?? 0 > limit else { return }
        domains[domain]?.waiting.removeFirst()
        forgotten += 1
    }

    /// The next answer that may be given now.
    mutating func next(at now: ContinuousClock.Instant) -> [[UInt8]]? {
        forget(at: now)
        for domain in domains.keys {
            guard domains[domain]?.waiting.isEmpty == false else { continue }
            if domains[domain]?.bucket != nil, domains[domain]?.bucket?.take(at: now) != true { continue }
            return domains[domain]?.waiting.popFirst()?.answer
        }
        return nil
    }

    /// How long it takes until the next answer may be given, rounded up; -1 if none waits.
    mutating func millisecondsToNext(at now: ContinuousClock.Instant) -> Int {
        forget(at: now)
        var shortest = -1
        for domain in domains.keys where domains[domain]?.waiting.isEmpty == false {
            let rest = domains[domain]?.bucket?.timeToNext(at: now) ?? .zero
            let milliseconds = rest == .zero ? 0 : Int(rest / .milliseconds(1)) + 1
            shortest = shortest < 0 ? milliseconds : min(shortest, milliseconds)
        }
        return shortest
    }

    /// Those that waited too long take no turn of the others.
    private mutating func forget(at now: ContinuousClock.Instant) {
        for domain in domains.keys {
            while let first = domains[domain]?.waiting.first, first.due <= now {
                domains[domain]?.waiting.removeFirst()
                forgotten += 1
            }
        }
    }
}
