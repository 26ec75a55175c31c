internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let appendChecks = [
        EventStoreCheck("every record of an append but its last says that the append goes on, wherever it is read") {
            place in
            let (a, b, c) = (try stream("a"), try stream("b"), try stream("c"))
            let expected = [false, true, true, true, true, false, true, false, false]
            let recorded = try place.with { store in
                try store.commit(append(events(1), to: a))
                let (_, records) = try store.append([
                    AppendRequest(
                        command: key("k"),
                        writes: [
                            StreamWrite(stream: a, expected: .exactly(1), events: events(2)),
                            StreamWrite(stream: b, expected: .exactly(0), events: []),
                            StreamWrite(stream: c, expected: .any, events: events(3)),
                        ]),
                    append(events(9), to: b, .exactly(7)), append([], to: a), append([], to: a, under: key("l")),
                    append(events(2), to: b), append(events(1), to: c),
                ])
                #expect(records.map(\.continues) == Array(expected[1...]))
                return records
            }
            try place.with { store in
                let all = try store.everything()
                #expect(all.map(\.continues) == expected)
                #expect(Array(all[1...]) == recorded)
                #expect(try store.readLog(after: 2, limit: ReadLimit(events: 2)).map(\.continues) == [true, true])
                for stream in [a, b, c] {
                    let slice = try store.readStream(stream, after: 0, limit: .everything)
                    #expect(slice.events == all.filter { $0.stream == stream })
                }
                let missed = try store.append(append([], to: a, .exactly(1))).conflict?.missed
                #expect(missed == all.filter { $0.stream == a && $0.streamVersion > 1 })
            }
        },
        EventStoreCheck("I10: whether an append goes on is covered by the hash") { place in
            try place.with { store in
                try store.commit(append(events(2), to: try stream("a")))
                let first = try #require(try store.everything().first)
                let genesis = HashChain.genesis(of: store.logID)
                let altered = RecordedEvent(
                    position: 1, stream: first.stream, streamVersion: 1, recordedAt: first.recordedAt,
                    event: first.event, continues: false, hash: first.hash)
                #expect(first.continues && HashChain.hash(of: first, after: genesis, in: store.logID) == first.hash)
                #expect(HashChain.hash(of: altered, after: genesis, in: store.logID) != first.hash)
            }
        },
        EventStoreCheck("all records of an append have one time, though the clock goes on") { place in
            let clock = TickingClock()
            try place.with(clock: { clock.read() }) { store in
                for round in 0..<5 {
                    let writes = try (0..<3).map {
                        StreamWrite(stream: try stream("s\($0)"), expected: .any, events: events(round + 1))
                    }
                    let (results, records) = try store.append([AppendRequest(writes: writes)])
                    let commit = try #require(results[0].commit)
                    #expect(Set(records.map(\.recordedAt)) == [commit.recordedAt])
                }
            }
        },
    ]
}
