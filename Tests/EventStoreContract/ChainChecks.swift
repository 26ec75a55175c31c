internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let chainChecks = [
        EventStoreCheck("I10: the hash chain recomputed over all that is read is the chain that was recorded") {
            place in
            try place.with { store in
                for round in 0..<10 {
                    _ = try store.append([
                        append(events(round), to: try stream("a")),
                        append([event(metadata: #"{"actor":"é"}"#)], to: try stream("b")),
                    ])
                }
                var hash = HashChain.genesis(of: store.logID)
                for record in try store.everything() {
                    hash = HashChain.hash(of: record, after: hash, in: store.logID)
                    #expect(record.hash == hash, "position \(record.position)")
                }
                #expect(try store.head().hash == hash)
            }
        }
    ]
}
