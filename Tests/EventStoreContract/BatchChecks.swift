internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let batchChecks = [
        EventStoreCheck("an empty batch is answered with nothing") { place in
            try place.with { store in
                try store.expectUnchanged { () throws in
                    let (results, records) = try store.append([])
                    #expect(results.isEmpty && records.isEmpty)
                }
            }
        },
        EventStoreCheck("later requests of a batch see the earlier ones") { place in
            try place.with { store in
                let a = try stream("a")
                let (first, second) = (events(2), events(1))
                let (results, records) = try store.append([
                    append(first, to: a, .exactly(0)),
                    append(events(1), to: a, .exactly(0)),
                    append(events(1), to: a, .exactly(2, lastEvent: first[0].id)),
                    append(second, to: a, .exactly(2, lastEvent: first[1].id)),
                ])
                #expect(results[0].commit?.streamVersions == [2])
                #expect(results[1].conflict?.actual == 2)
                #expect(results[1].conflict?.missed == Array(records[..<2]))
                #expect(results[2].conflict?.missed == [records[1]])
                #expect(results[3].commit?.streamVersions == [3])
                #expect(results[3].commit?.position == 3)
                #expect(records.map(\.event) == first + second)
                #expect(try store.everything() == records)
            }
        },
        EventStoreCheck("a refused request does not disturb its batch") { place in
            try place.with { store in
                let (results, records) = try store.append([
                    append([event("[")], to: try stream("a")),
                    append(events(1), to: try stream("b")),
                    append(events(1), to: try stream("c"), .exactly(1)),
                    append(events(1), to: try stream("d")),
                ])
                #expect(results[0].isInvalid)
                #expect(results[1].commit?.position == 1)
                #expect(results[2].conflict?.actual == 0)
                #expect(results[3].commit?.position == 2)
                #expect(records.map(\.stream.name) == ["b", "d"])
            }
        },
        EventStoreCheck("I4: a key that comes twice in one batch is obeyed once") { place in
            try place.with { store in
                let a = try stream("a")
                let (results, records) = try store.append([
                    append(events(1), to: a, under: key("k", outcome: "first")),
                    append(events(1), to: a, .exactly(77), under: key("k", outcome: "second")),
                    append(events(1), to: a, under: key("k", fingerprint: 2)),
                ])
                let commit = try #require(results[0].commit)
                #expect(
                    results[1] == .replayed(KeyedOutcome(streams: [a], commit: commit, outcome: Array("first".utf8))))
                #expect(results[2] == .keyReused)
                #expect(records.count == 1)
            }
        },
    ]
}
