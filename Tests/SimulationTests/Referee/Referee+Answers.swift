internal import EventLogProtocol
internal import EventSourcing

/// What may be answered.
extension Referee {
    func answered(_ order: Order, _ answer: Answer) {
        world.trace("answer to \(order): \(answer)")
        world.saw(answer.situation)
        switch answer {
        case .obeyed(let revision, let position, let isReplay):
            checkObeyed(order, revision, position, isReplay: isReplay)
        case .refused(let refusal, let isReplay):
            deny(order)
            if !isReplay {
                expectStood(order, .soundDecision, "refused: \(refusal)") { revision in
                    Result { () throws(Counter.Refusal) in try revision.state.decide(order.command) }
                        == .failure(refusal)
                }
            }
            bind(order, to: .refused(refusal))
        case .conditionFailed(let actual):
            deny(order)
            world.expect(!order.isAllowed(at: actual), .condition, "\(order) is refused at \(actual)")
            expectStood(order, .condition, "version \(actual)") { $0.version == actual }
        case .keyReused:
            deny(order)
            world.expect(wasReused(order), .oneOutcome, "\(order): nothing else came under this key")
        case .inProgress:
            deny(order)
        case .failed(.outcomeUnknown):
            break
        case .failed:
            deny(order)
        case .fault(let reason):
            world.violated(.soundDecision, "\(order): \(reason)")
        }
    }

    private func checkObeyed(_ order: Order, _ revision: Revision<Counter>, _ position: UInt64?, isReplay: Bool) {
        world.expect(
            history.revision(of: order.stream, at: revision.version) == revision, .fold,
            "\(order) is answered with \(revision.state.count) at version \(revision.version)")
        bind(order, to: .obeyed(revision))
        guard let position else {
            deny(order)
            expectStood(order, .soundDecision, "nothing to do") {
                (try? $0.state.decide(order.command)) == [] && order.isAllowed(at: $0.version)
            }
            return
        }
        world.expect(position <= history.head, .durable, "\(order) is acknowledged at \(position), not on disk")
        let recorder = isReplay ? order.bound.flatMap { obeyed[$0] } : order.attempt
        // A replay of a command that asked for nothing names the head of its time; there are no events to look for.
        if isReplay, recorder == nil, order.command.by == 0 { return deny(order) }
        if let recorder, recorder != order.attempt { deny(order) }
        world.expect(
            recorder.flatMap { attempts[$0]?.recorded } == position, .durable,
            "\(order) is acknowledged at \(position), and its events are not there")
    }

    /// Notes that a client was told that its attempt recorded nothing.
    private func deny(_ order: Order) {
        world.expect(
            attempts[order.attempt]?.recorded == nil, .refusedWithoutEffect, "\(order) is denied, and recorded")
        attempts[order.attempt]?.isDenied = true
    }

    /// Notes how an order with a key was answered for good: there is one such answer.
    private func bind(_ order: Order, to outcome: Outcome) {
        guard let bound = order.bound, let key = order.key else { return }
        if let known = outcomes[bound] {
            world.expect(
                known.fingerprint == key.fingerprint && known.outcome == outcome, .oneOutcome,
                "\(order) is answered \(outcome), and was \(known.outcome)")
        } else {
            outcomes[bound] = (key.fingerprint, outcome)
        }
    }

    /// Expects that an answer without events was true at some moment between being asked for and being given.
    private func expectStood(
        _ order: Order, _ invariant: Invariant, _ what: String, _ isTrue: (Revision<Counter>) -> Bool
    ) {
        let from = attempts[order.attempt]?.versionWhenSent ?? 0
        let to = history.version(of: order.stream)
        let stood = (from...to).contains { history.revision(of: order.stream, at: $0).map(isTrue) ?? false }
        world.expect(
            stood, invariant, "\(order) is answered \(what), which was so at none of the versions \(from) to \(to)")
    }
}

extension Answer {
    fileprivate var situation: Situation {
        switch self {
        case .obeyed(_, _, let isReplay): isReplay ? .obeyedReplay : .obeyed
        case .refused(_, let isReplay): isReplay ? .refusedReplay : .refused
        case .conditionFailed: .conditionFailed
        case .keyReused: .keyReused
        case .inProgress: .inProgress
        case .failed(.unavailable): .unavailable
        case .failed(.overloaded): .overloaded
        case .failed, .fault: .outcomeUnknown
        }
    }
}
