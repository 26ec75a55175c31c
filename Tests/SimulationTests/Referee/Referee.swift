internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// Sees all that is asked, recorded, delivered and answered, and notes what breaks a promise.
final class Referee {
    struct Bound: Hashable {
        let stream: StreamID
        let key: [UInt8]
    }

    /// How an order under a key was answered for good.
    enum Outcome: Hashable {
        case obeyed(Revision<Counter>)
        case refused(Counter.Refusal)
    }

    /// What is known of one attempt.
    struct Attempt {
        let order: Order
        /// The version of the stream on disk when its client sent it.
        let versionWhenSent: UInt64
        /// The position of the last event that it recorded.
        var recorded: UInt64?
        /// Whether its client was told that it recorded nothing.
        var isDenied = false
    }

    let world: World
    var history = History()
    var attempts: [Int: Attempt] = [:]
    /// Whose events are under a key.
    var obeyed: [Bound: Int] = [:]
    var outcomes: [Bound: (fingerprint: Digest256, outcome: Outcome)] = [:]
    /// The fingerprints that were sent under a key.
    private var fingerprints: [Bound: Set<Digest256>] = [:]
    private var lastAttempt = 0

    init(_ world: World) { self.world = world }

    func nextAttempt() -> Int {
        lastAttempt += 1
        return lastAttempt
    }

    func sent(_ order: Order) {
        attempts[order.attempt] = Attempt(order: order, versionWhenSent: history.version(of: order.stream))
        if let bound = order.bound, let key = order.key { fingerprints[bound, default: []].insert(key.fingerprint) }
    }

    // MARK: the log

    /// Checks what has come to be on the disk: all that was there, acknowledged or not, and more. To be called after
    /// every flush, and with what is found after a crash.
    func recorded(_ log: ReferenceLog) {
        let known = history.records.count
        // The chain of hashes answers for all the records before it.
        guard log.records.count >= known, known == 0 || log.records[known - 1] == history.records[known - 1] else {
            return world.violated(.nothingLost, "position \(known) was on disk, and is gone")
        }
        var rest = log.records[known...]
        while let first = rest.first {
            let attempt = attempt(of: first)
            let events = rest.prefix { self.attempt(of: $0) == attempt }
            rest = rest.dropFirst(events.count)
            take(events, of: attempt)
        }
    }

    private func attempt(of record: RecordedEvent) -> Int? {
        let event = record.event
        return try? Counter.Event(type: event.type, schemaVersion: event.schemaVersion, data: event.data).attempt
    }

    /// Checks the events that one attempt has recorded, all at once or not at all.
    private func take(_ events: ArraySlice<RecordedEvent>, of number: Int?) {
        guard let number, var attempt = attempts[number], let first = events.first else {
            return world.violated(.soundDecision, "nobody asked for what is at position \(history.head + 1)")
        }
        let order = attempt.order
        world.expect(attempt.recorded == nil, .nothingTwice, "\(order) is recorded twice")
        world.expect(!attempt.isDenied, .refusedWithoutEffect, "\(order) was denied and is recorded")
        checkDecision(order, events)
        if let bound = order.bound {
            world.expect(obeyed[bound] == nil, .oneOutcome, "\(order) is recorded, as was \(obeyed[bound] ?? 0)")
            obeyed[bound] = number
        }
        for record in events {
            world.expect(
                record.position == history.head + 1
                    && record.streamVersion == history.version(of: record.stream) + 1, .gapless,
                "position \(record.position), version \(record.streamVersion) follow on \(history.head)")
            do throws(RevisionError) {
                try history.append(record)
            } catch {
                world.violated(.fold, "\(error)")
            }
        }
        world.trace("log: positions \(first.position)...\(history.head) of \(order)")
        attempt.recorded = history.head
        attempts[number] = attempt
    }

    private func checkDecision(_ order: Order, _ events: ArraySlice<RecordedEvent>) {
        let version = history.version(of: order.stream)
        world.expect(
            order.isAllowed(at: version), .condition, "\(order) is recorded on version \(version)")
        guard let before = history.revision(of: order.stream, at: version) else { return }
        let decided = (try? before.state.decide(order.command)) ?? []
        world.expect(
            decided.map { $0.encoded() } == events.map(\.event.data) && events.allSatisfy { $0.stream == order.stream },
            .soundDecision, "\(order) on version \(version), at \(before.state.count), is \(events.count) events")
    }

    // MARK: subscribers

    func published(_ record: RecordedEvent) {
        let isThere = record.position <= history.head && history.records[Int(record.position) - 1] == record
        world.expect(isThere, .publishedWhenDurable, "position \(record.position) is published and not on disk")
    }

    func delivered(_ record: RecordedEvent, to name: String, holding position: UInt64) {
        world.expect(
            record.position == position + 1, .nothingMissed, "\(name) is given \(record.position) after \(position)")
        world.expect(
            record.position <= history.head && history.records[Int(record.position) - 1] == record, .nothingMissed,
            "\(name) is given another record at \(record.position) than the log's")
    }

    func queried(_ totals: CounterTotals, atLeast position: UInt64, showing shown: [StreamID: UInt64]) {
        world.expect(
            totals.position >= position, .fresh, "asked for \(position), answered with \(totals.position)")
        for (stream, version) in shown {
            let answered = totals.counters[stream]?.version ?? 0
            world.expect(
                answered >= version, .fresh, "a client saw \(stream) at version \(version), then at \(answered)")
        }
        for (stream, revision) in totals.counters {
            world.expect(
                history.revision(of: stream, at: revision.version) == revision, .fold,
                "a query shows \(stream) with \(revision.state.count) at version \(revision.version)")
        }
        let events = totals.counters.values.reduce(0) { $0 + $1.version }
        world.expect(
            events == totals.position, .fresh, "an answer reflects \(events) events and says \(totals.position)")
    }

    /// Whether another command was sent under the order's key.
    func wasReused(_ order: Order) -> Bool {
        order.bound.map { fingerprints[$0, default: []].contains { $0 != order.key?.fingerprint } } ?? false
    }

    // MARK: the end

    /// Checks what is only sure when everything has settled.
    func settled(_ cast: Cast) {
        for gateway in cast.gateways {
            for stream in cast.streams {
                guard let confirmed = gateway.slots[stream]?.pipeline?.confirmed else { continue }
                world.expect(
                    history.revision(of: stream, at: confirmed.version) == confirmed, .fold,
                    "\(gateway.name) holds \(stream) with \(confirmed.state.count) at version \(confirmed.version)")
            }
        }
    }
}

extension Order {
    /// What its key binds; nil without one.
    var bound: Referee.Bound? { key.map { Referee.Bound(stream: stream, key: $0.bytes) } }
}
