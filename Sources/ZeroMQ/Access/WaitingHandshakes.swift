/// Handshakes that are admitted and wait for their turn, each domain at its own rate.
struct WaitingHandshakes {
    private struct Domain {
        var bucket: TokenBucket?
        var answers: [[[UInt8]]] = []
        var first = 0

        var count: Int { answers.count - first }

        mutating func removeFirst() -> [[UInt8]] {
            defer {
                first += 1
                if first == answers.count {
                    answers.removeAll(keepingCapacity: true)
                    first = 0
                } else if first >= 1024 {
                    answers.removeFirst(first)
                    first = 0
                }
            }
            return answers[first]
        }
    }

    private let limit: Int
    private var domains: [String: Domain] = [:]

    /// - Parameter limit: the most that wait in one domain; beyond it the oldest is forgotten.
    init(limit: Int) { self.limit = limit }

    mutating func add(_ answer: [[UInt8]], in domain: String, _ admission: Admission) {
        var waiting =
            domains[domain]
            ?? Domain(
                bucket: admission.maxHandshakesPerSecond.map {
                    TokenBucket(capacity: admission.maxHandshakesAtOnce, perSecond: $0)
                })
        waiting.answers.append(answer)
        if waiting.count > limit { _ = waiting.removeFirst() }
        domains[domain] = waiting
    }

    /// The next answer that may be given now.
    mutating func next(at now: ContinuousClock.Instant) -> [[UInt8]]? {
        for domain in domains.keys {
            guard let waiting = domains[domain], waiting.count > 0 else { continue }
            if waiting.bucket != nil, domains[domain]?.bucket?.take(at: now) != true { continue }
            return domains[domain]?.removeFirst()
        }
        return nil
    }

    /// How long it takes until the next answer may be given, rounded up; -1 if none waits.
    mutating func millisecondsToNext(at now: ContinuousClock.Instant) -> Int {
        var shortest = -1
        for domain in domains.keys where (domains[domain]?.count ?? 0) > 0 {
            let rest = domains[domain]?.bucket?.timeToNext(at: now) ?? .zero
            let milliseconds = rest == .zero ? 0 : Int(rest / .milliseconds(1)) + 1
            shortest = shortest < 0 ? milliseconds : min(shortest, milliseconds)
        }
        return shortest
    }
}
