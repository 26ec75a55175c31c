internal import EventSourcing

/// What readers may be given.
extension Referee {
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

    func queried(_ totals: StreamTotals<Domain>, atLeast position: UInt64, showing shown: [StreamID: UInt64]) {
        world.expect(
            totals.position >= position, .fresh, "asked for \(position), answered with \(totals.position)")
        guard totals.position <= history.head, history.isWhole(at: totals.position) else {
            return world.violated(.whole, "a query is answered at \(totals.position), within an append")
        }
        for (stream, version) in shown {
            let answered = totals.revisions[stream]?.version ?? 0
            world.expect(
                answered >= version, .fresh, "a client saw \(stream) at version \(version), then at \(answered)")
        }
        for stream in history.streams {
            let (shown, there) = (totals.revisions[stream], history.revision(of: stream, at: totals.position))
            world.expect(
                shown == (there.version > 0 ? there : nil), .agreement,
                "a query at \(totals.position) shows \(stream) as \(String(describing: shown)), and it is \(there)")
        }
        if let broken = totals.readModel.difference(to: totals.revisions, at: world.timestamp) {
            world.violated(.agreement, "a query at \(totals.position): \(broken)")
        }
    }
}
