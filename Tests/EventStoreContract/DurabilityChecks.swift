internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let durabilityChecks = [
        EventStoreCheck("I8: a log that is opened again has its id, head, records and keys") { place in
            let a = try stream("a")
            let last = event()
            let before = try place.with { store in
                try store.commit(append(events(3), to: a, under: key("k", outcome: "kept")))
                try store.commit(append([], to: a, under: key("refused", outcome: "no")))
                try store.commit(append([last], to: a))
                return (
                    id: store.logID, head: try store.head(), records: try store.everything(),
                    kept: try store.outcome(of: Array("k".utf8), in: a)?.outcome,
                    refused: try store.outcome(of: Array("refused".utf8), in: a)?.outcome
                )
            }
            try place.with { store in
                #expect(store.logID == before.id)
                #expect(try store.head() == before.head)
                #expect(try store.everything() == before.records)
                #expect(try store.outcome(of: Array("k".utf8), in: a)?.outcome == before.kept)
                #expect(
                    try store.append(append(events(1), to: a, under: key("refused")))
                        == .replayed(try #require(before.refused)))
                #expect(try store.append(append(events(1), to: a, .exactly(3))).conflict?.actual == 4)
                let commit = try store.commit(append(events(1), to: a, .exactly(4, lastEvent: last.id)))
                #expect(commit.position == 5)
                let next = try #require(try store.readLog(after: 4, limit: .everything).first)
                #expect(next.hash == HashChain.hash(of: next, after: before.head.hash, in: store.logID))
            }
        },
        EventStoreCheck("an empty log that is opened again has the same id") { place in
            let id = try place.with { $0.logID }
            #expect(try place.with { $0.logID } == id)
        },
    ]
}
