internal import Synchronization

/// How many requests a server answered, by status code.
final class AnswerCounts: Sendable {
    private let counts = Mutex<[Int: UInt64]>([:])

    func count(_ status: Int) {
        counts.withLock { $0[status, default: 0] += 1 }
    }

    var figures: [Figure] {
        counts.withLock { $0 }.sorted { $0.key < $1.key }.map { status, count in
            Figure(
                .counter, "http_answers", count, label: ("status", "\(status)"),
                help: "Requests answered, by status code.")
        }
    }
}
