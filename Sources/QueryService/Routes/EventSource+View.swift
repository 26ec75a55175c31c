public import EventSourcing

extension EventSource {
    /// So many records are read at once to find the end of an append.
    private static let recordsOfARest = 256

    /// What a view shows of the records that follow on a place up to a position; the place moves to the last one that was
    /// looked at.
    ///
    /// - Parameters:
    ///   - last: a position at which an append ends.
    ///   - limit: at most so many are looked at, and the rest of the last append; maybe fewer.
    /// - Returns: nil if the log went back, so that the place is not in its history any more, or may not be.
    public func records(
        after place: inout Place, upTo last: UInt64, limit: Int, shownBy view: LogView
    ) async throws -> [RecordedEvent]? {
        guard var records = try await records(after: &place, upTo: last, limit: limit) else { return nil }
        guard !view.isWhole else { return records }
        // Whether the append goes on for the reader is to be seen at its end alone.
        while records.last?.continues == true, place.position < last {
            var ahead = place
            guard let rest = try await self.records(after: &ahead, upTo: last, limit: Self.recordsOfARest),
                !rest.isEmpty
            else { return nil }
            let length = rest.firstIndex { !$0.continues }.map { $0 + 1 } ?? rest.count
            records += rest.prefix(length)
            place.position = rest[length - 1].position
            place.hash = rest[length - 1].hash
        }
        return view.shown(records)
    }
}
