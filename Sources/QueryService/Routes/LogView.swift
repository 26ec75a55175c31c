public import Access
public import EventSourcing

/// Which records of the log are shown to whoever asks.
public struct LogView: Sendable {
    /// All.
    public static let whole = LogView(category: nil, caller: .unrestricted)

    /// The category of the streams that a caller with a reach sees some of; nil: all records are shown.
    private let category: String?
    private let caller: Caller

    private init(category: String?, caller: Caller) {
        self.category = category
        self.caller = caller
    }

    /// All records for a caller who sees everything; else those of the streams of a category that it sees by their names.
    public init(of category: String, for caller: Caller) {
        self.init(category: caller.seesAll ? nil : category, caller: caller)
    }

    /// Whether all records are shown.
    public var isWhole: Bool { category == nil }

    /// Whether a record is shown.
    public func shows(_ record: RecordedEvent) -> Bool {
        category.map { record.stream.category == $0 && caller.sees(record.stream.name) } ?? true
    }

    /// What is shown of whole appends. A record of which the rest of the append is hidden is the last one that its reader
    /// sees of it, so it does not say that the append goes on.
    func shown(_ records: [RecordedEvent]) -> [RecordedEvent] {
        guard !isWhole else { return records }
        var shown: [RecordedEvent] = []
        var isRestShown = false
        for record in records.reversed() {
            isRestShown = isRestShown && record.continues
            guard shows(record) else { continue }
            shown.append(record.continues == isRestShown ? record : record.endingItsAppend)
            isRestShown = true
        }
        return shown.reversed()
    }

    /// The point by which a client may name a place: without the hash if the record there is hidden from it, or may be.
    public func point(of place: EventSource.Place, isShown: Bool) -> HistoryPoint {
        isWhole || isShown ? place.point : HistoryPoint(position: place.position)
    }
}

extension RecordedEvent {
    /// The same record without a word of what follows in its append. It cannot be proved by its hash any more.
    fileprivate var endingItsAppend: RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, streamVersion: streamVersion, recordedAt: recordedAt, event: event,
            hash: hash)
    }
}
