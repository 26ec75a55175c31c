internal import EventLogProtocol
internal import EventSourcing

/// What may be answered.
extension Referee {
    func answered(_ order: Order<State>, _ answer: Answer<State>) {
        world.trace("answer to \(order): \(answer)")
        world.saw(answer.situation)
        switch answer {
        case .executed(let revision, let position, let isReplay):
            checkExecuted(order, revision, position, isReplay: isReplay)
        case .refused(let refusal, let position):
            checkRefused(order, refusal, position)
        case .replayedRefusal(let record, let position):
            deny(order)
            bind(order, to: .refused(record))
            checkPosition(position, of: order)
        case .conditionFailed(let actual, let position):
            deny(order, at: position)
            expectFirstTime(order, at: position)
            world.expect(!order.isAllowed(at: actual), .condition, "\(order) is refused at \(actual)")
            let version = history.version(of: order.stream, at: position)
            world.expect(
                version == actual, .condition, "\(order) is refused at \(actual), and is \(version) at \(position)")
        case .beyondReach(let stream, let position):
            deny(order, at: position)
            expectFirstTime(order, at: position)
            guard checkPosition(position, of: order) else { return }
            attempts[order.attempt]?.streams = [order.stream]
            world.expect(
                streamsBeyondReach(of: order, at: position).contains(stream), .soundDecision,
                "\(order) is refused for \(stream), which it does not take from at \(position)")
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

    private func checkExecuted(_ order: Order<State>, _ revision: Revision<State>, _ position: UInt64, isReplay: Bool) {
        world.expect(
            revision.stream == order.stream
                && history.revision(of: order.stream, version: revision.version) == revision, .fold,
            "\(order) is answered with \(revision)")
        bind(order, to: .executed(revision))
        guard checkPosition(position, of: order) else { return }
        let recorder = isReplay ? order.bound.flatMap { executed[$0] } : order.attempt
        guard let recorder, let recorded = attempts[recorder]?.recorded else {
            // It asked for nothing, and so recorded nothing.
            deny(order, at: isReplay ? nil : position)
            let decision = reference(
                order, at: position, time: revision.updatedAt ?? world.timestamp, eventID: Self.noID)
            return world.expect(
                decision.decision.isNothing() && history.version(of: order.stream, at: position) == revision.version,
                .soundDecision, "\(order) is said to need nothing at \(position)")
        }
        if recorder == order.attempt { attempts[recorder]?.isAcknowledged = true } else { deny(order) }
        world.expect(
            recorded.upperBound == position, .durable,
            "\(order) is acknowledged at \(position), and its events are at \(recorded)")
        world.expect(
            history.version(of: order.stream, at: position) == revision.version, .fold,
            "\(order) is answered with version \(revision.version), which is not that of position \(position)")
    }

    private func checkRefused(_ order: Order<State>, _ refusal: State.Refusal, _ position: UInt64) {
        deny(order, at: position)
        expectFirstTime(order, at: position)
        if order.key != nil, let record = Domain.record(of: refusal) { bind(order, to: .refused(record)) }
        guard checkPosition(position, of: order) else { return }
        let times = attempts[order.attempt]?.sent.map(\.time) ?? []
        let isRight = times.contains {
            reference(order, at: position, time: $0, eventID: Self.noID).decision.refusal == refusal
        }
        let (streams, decision) = reference(order, at: position, time: world.timestamp, eventID: Self.noID)
        attempts[order.attempt]?.streams = ordered(streams, of: order)
        world.expect(
            streamsBeyondReach(of: order, at: position).isEmpty, .reach,
            "\(order) is refused: \(refusal), which tells of what its sender does not see")
        world.expect(
            isRight, .soundDecision, "\(order) is refused: \(refusal), and at \(position) it is \(decision)")
        world.expect(
            order.isAllowed(at: history.version(of: order.stream, at: position)), .condition,
            "\(order) is refused at \(position), where its condition does not hold")
    }

    /// Expects that no command was executed under the order's key before, which would be its answer, too.
    private func expectFirstTime(_ order: Order<State>, at position: UInt64) {
        guard let first = order.bound.flatMap({ executed[$0] }), let recorded = attempts[first]?.recorded else {
            return
        }
        world.expect(
            recorded.upperBound > position, .oneOutcome,
            "\(order) is refused at \(position), and was executed as attempt \(first) at \(recorded)")
    }

    /// A refusal is decided before there is an id.
    private static var noID: UniqueID { UniqueID(high: 0, low: 0) }

    /// Expects that a position is one that readers can see, and not older than the order; a replay's is.
    @discardableResult
    private func checkPosition(_ position: UInt64, of order: Order<State>) -> Bool {
        guard position <= history.head else {
            world.violated(.durable, "\(order) is answered at \(position), not on disk")
            return false
        }
        world.expect(history.isWhole(at: position), .whole, "\(order) is answered at \(position), within an append")
        return true
    }

    /// Notes that a client was told that its attempt recorded nothing.
    private func deny(_ order: Order<State>, at position: UInt64? = nil) {
        world.expect(
            attempts[order.attempt]?.recorded == nil, .refusedWithoutEffect, "\(order) is denied, and recorded")
        attempts[order.attempt]?.isDenied = true
        attempts[order.attempt]?.denied = position
        if let position, let attempt = attempts[order.attempt] {
            world.expect(
                position >= attempt.headWhenSent, .fresh,
                "\(order) is refused at \(position), and was sent when \(attempt.headWhenSent) was on disk")
        }
    }

    /// Notes how an order with a key was answered for good: there is one such answer.
    private func bind(_ order: Order<State>, to outcome: Outcome) {
        guard let bound = order.bound, let key = order.key else { return }
        if let known = outcomes[bound] {
            world.expect(
                known.fingerprint == key.fingerprint && known.outcome == outcome, .oneOutcome,
                "\(order) is answered \(outcome), and was \(known.outcome)")
        } else {
            outcomes[bound] = (key.fingerprint, outcome)
        }
    }

    /// All orders of a sequence are answered. Expects that what each was answered stands on those before it, and on none
    /// after it, for every stream that two of them share and one of them has changed.
    func ended(_ sequence: [Order<State>]) {
        let attempts = sequence.compactMap { self.attempts[$0.attempt] }
        for (index, later) in attempts.enumerated() {
            for earlier in attempts[..<index] {
                let shared = earlier.streams.intersection(later.streams)
                guard !shared.isDisjoint(with: earlier.changed.union(later.changed)) else { continue }
                // One whose outcome nobody knew may come to be recorded at any time.
                let acknowledged = earlier.isAcknowledged ? earlier.recorded?.upperBound : nil
                guard let before = acknowledged ?? earlier.denied,
                    let after = later.recorded.map({ $0.lowerBound - 1 }) ?? later.denied
                else { continue }
                world.expect(
                    before <= after, .inOrder,
                    "\(earlier.order) is answered at \(before), and \(later.order), which comes after it, at \(after)")
            }
        }
    }
}

extension Result {
    /// Why it was refused; nil if it was not.
    fileprivate var refusal: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }

    /// Whether nothing happens.
    fileprivate func isNothing<Event>() -> Bool where Success == Decision<Event> {
        if case .success(let decision) = self { decision.isEmpty } else { false }
    }
}

extension Answer {
    fileprivate var situation: Situation {
        switch self {
        case .executed(_, _, let isReplay): isReplay ? .executedReplay : .executed
        case .refused: .refused
        case .replayedRefusal: .refusedReplay
        case .conditionFailed: .conditionFailed
        case .beyondReach: .beyondReach
        case .keyReused: .keyReused
        case .inProgress: .inProgress
        case .failed(.unavailable): .unavailable
        case .failed(.overloaded): .overloaded
        case .failed, .fault: .outcomeUnknown
        }
    }
}
