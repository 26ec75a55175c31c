internal import CommandService
internal import EventSourcing

/// What may be on the disk.
extension Referee {
    /// Checks what has come to be on the disk: all that was there, acknowledged or not, and more, append by append. To be
    /// called after every flush, and with what is found after a crash.
    func recorded(_ log: ReferenceLog) {
        let known = history.records.count
        // The chain of hashes answers for all the records before it.
        guard log.records.count >= known, known == 0 || log.records[known - 1] == history.records[known - 1] else {
            return world.violated(.nothingLost, "position \(known) was on disk, and is gone")
        }
        var rest = log.records[known...]
        while !rest.isEmpty {
            let length = rest.prefix(while: \.continues).count + 1
            guard length <= rest.count else {
                return world.violated(.whole, "the log ends at \(log.head.position), within an append")
            }
            take(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
    }

    /// Checks a whole append: what one attempt has recorded, all at once.
    private func take(_ records: ArraySlice<RecordedEvent>) {
        guard let first = records.first, let last = records.last else { return }
        guard let number = Order<State>.attempt(in: first.event.metadata), var attempt = attempts[number] else {
            return world.violated(.soundDecision, "nobody asked for what is at position \(first.position)")
        }
        let order = attempt.order
        world.expect(attempt.recorded == nil, .nothingTwice, "\(order) is recorded twice")
        world.expect(!attempt.isDenied, .refusedWithoutEffect, "\(order) was denied and is recorded")
        world.expect(
            records.allSatisfy {
                Order<State>.attempt(in: $0.event.metadata) == number && $0.recordedAt == first.recordedAt
            }, .whole,
            "positions \(first.position) to \(last.position) are one append, and not of one command")
        world.expect(
            records.allSatisfy { $0.event.metadata == order.metadata }, .actor,
            "\(order) is recorded as another's, at \(first.position)")
        checkReach(of: order, records)
        world.expect(
            order.isAllowed(at: history.version(of: order.stream)), .condition,
            "\(order) is recorded on version \(history.version(of: order.stream))")
        attempt.streams = ordered(checkDecision(attempt, records), of: order)
        attempt.changed = Set(records.map(\.stream))
        checkOrder(attempt)
        if let bound = order.bound {
            world.expect(executed[bound] == nil, .oneOutcome, "\(order) is recorded, as was \(executed[bound] ?? 0)")
            executed[bound] = number
        }
        fold(records)
        world.trace("log: positions \(first.position)...\(last.position) of \(order)")
        attempt.recorded = first.position...last.position
        attempts[number] = attempt
        if attempt.changed.count > 1 { world.saw(.severalStreams) }
    }

    /// Expects that only what its sender sees is taken from.
    private func checkReach(of order: Order<State>, _ records: ArraySlice<RecordedEvent>) {
        for record in records where !order.sender.sees(record.stream) {
            world.saw(.addedBeyondReach)
            world.expect(
                record.stream != order.stream && event(record).map { Domain.isHarmless($0) } ?? false, .reach,
                "\(order) has recorded \(record.type) in \(record.stream)")
        }
    }

    private func fold(_ records: ArraySlice<RecordedEvent>) {
        for record in records {
            world.expect(
                record.position == history.head + 1
                    && record.streamVersion == history.version(of: record.stream) + 1, .gapless,
                "position \(record.position), version \(record.streamVersion) follow on \(history.head)")
            do throws(RevisionError) {
                try history.append(record)
            } catch {
                return world.violated(.fold, "\(error)")
            }
        }
        let events = records.compactMap { record in event(record).map { (record.stream, $0) } }
        guard events.count == records.count, let time = records.first?.recordedAt else { return }
        if let broken = books.take(events, at: time) { world.violated(.rules, "at \(history.head): \(broken)") }
        for stream in Set(records.map(\.stream)) { compare(history.revision(of: stream, at: history.head), at: time) }
    }

    /// Compares a state with the books, and with itself after it was written down.
    private func compare(_ revision: Revision<State>, at time: Timestamp) {
        if let difference = books.difference(to: revision, at: time) {
            world.violated(.agreement, "\(revision.stream) at version \(revision.version): \(difference)")
        }
        guard world.onceIn(4), let snapshot = revision.snapshot else { return }
        do throws(CheckpointError) {
            world.expect(
                try Revision(snapshot) == revision, .agreement,
                "the snapshot of \(revision.stream) at version \(revision.version) is another state")
        } catch {
            world.violated(.agreement, "the snapshot of \(revision.stream) at \(revision.version): \(error)")
        }
    }

    /// Expects what the sequential reference decides on the state before the append.
    ///
    /// - Returns: the streams that it is decided over.
    private func checkDecision(_ attempt: Attempt, _ records: ArraySlice<RecordedEvent>) -> [StreamID] {
        let order = attempt.order
        let lastEvent = records.last { $0.stream == order.stream }?.event.id
        guard let sent = attempt.sent.last(where: { $0.lastEvent == lastEvent }), let lastEvent else {
            world.violated(.soundDecision, "\(order) is recorded, and no gateway has sent this")
            return []
        }
        let (streams, decision) = reference(order, at: history.head, time: sent.time, eventID: lastEvent)
        guard case .success(let decided) = decision else {
            world.violated(.soundDecision, "\(order) is recorded, and is to be refused: \(decision)")
            return streams
        }
        var expected = decided.events.map { (order.stream, $0) }
        for (stream, events) in zip(streams.dropFirst(), decided.others) { expected += events.map { (stream, $0) } }
        world.expect(
            expected.count == records.count
                && zip(expected, records).allSatisfy { $0.0 == $1.stream && $0.1.encoded() == $1.event.data },
            .soundDecision, "\(order) at \(history.head) is \(expected), and recorded are \(records.map(\.event.type))")
        return streams
    }

    /// Expects that no later command of the same sequence has been recorded that had to come after it.
    private func checkOrder(_ attempt: Attempt) {
        guard let place = attempt.order.place else { return }
        for stream in attempt.streams {
            let scope = SequenceScope(sequence: place.sequence, stream: stream)
            let isChanged = attempt.changed.contains(stream)
            var last = lastRecorded[scope] ?? (-1, -1)
            world.expect(
                place.index > (isChanged ? last.any : last.change), .inOrder,
                "\(attempt.order) is recorded after a later one of its sequence, over \(stream)")
            last.any = max(last.any, place.index)
            if isChanged { last.change = max(last.change, place.index) }
            lastRecorded[scope] = last
        }
    }
}
