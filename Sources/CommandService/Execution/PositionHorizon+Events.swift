internal import EventSourcing
internal import QueryForwarding

extension PositionHorizon {
    func advance(over events: [RecordedEvent]) {
        if let last = events.last { advance(to: last.position) }
    }
}
