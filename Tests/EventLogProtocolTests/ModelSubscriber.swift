import EventLogProtocol
import EventSourcing
import Testing

/// Does what a subscription machine asks for, as far as a model needs it.
struct ModelSubscriber {
    /// Names the run in messages.
    let seed: UInt64
    private(set) var delivered: [RecordedEvent] = []
    /// The position after which the log is read, until that is answered or fails.
    var pendingRead: UInt64?
    var mustRetry = false

    init(seed: UInt64) { self.seed = seed }

    mutating func take(_ actions: [SubscriptionMachine.Action]) {
        for action in actions {
            switch action {
            case .deliver(let records): delivered += records
            case .read(let position):
                #expect(pendingRead == nil, "seed \(seed): two reads at once")
                pendingRead = position
            case .retryLater: mustRetry = true
            case .diverged(let divergence): Issue.record("seed \(seed): \(divergence)")
            }
        }
    }
}
