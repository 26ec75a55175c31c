internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let expectedVersionChecks = [
        EventStoreCheck("an append at the expected version is committed, at another it conflicts") { place in
            try place.with { store in
                let a = try stream("a")
                #expect(try store.commit(append(events(2), to: a, .exactly(0))).streamVersions == [2])
                try store.expectUnchanged { () throws in
                    for wrong in [0, 1, 3, UInt64.max] as [UInt64] {
                        let conflict = try store.append(append(events(1), to: a, .exactly(wrong))).conflict
                        #expect(conflict?.write == 0)
                        #expect(conflict?.actual == 2)
                    }
                }
                #expect(try store.commit(append(events(1), to: a, .exactly(2))).streamVersions == [3])
                #expect(try store.commit(append(events(1), to: a, .any)).streamVersions == [4])
            }
        },
        EventStoreCheck("ABA: another last event at the same version is a conflict that shows that event") { place in
            try place.with { store in
                let a = try stream("a")
                let recorded = events(2)
                try store.commit(append(recorded, to: a))
                let lost = event()
                try store.expectUnchanged { () throws in
                    let conflict = try #require(
                        try store.append(append(events(1), to: a, .exactly(2, lastEvent: lost.id))).conflict)
                    #expect(conflict.actual == 2)
                    #expect(conflict.missed.map(\.event) == [recorded[1]])
                }
                try store.commit(append(events(1), to: a, .exactly(2, lastEvent: recorded[1].id)))
            }
        },
        EventStoreCheck("an append to several streams is recorded whole, in the order of its writes") { place in
            try place.with { store in
                let (a, b, c) = (try stream("a"), try stream("b"), try stream("c"))
                try store.commit(append(events(3), to: b))
                let request = AppendRequest(writes: [
                    StreamWrite(stream: a, expected: .exactly(0), events: events(2)),
                    StreamWrite(stream: b, expected: .exactly(3), events: []),
                    StreamWrite(stream: c, expected: .any, events: events(1)),
                ])
                let commit = try store.commit(request)
                #expect(commit.position == 6)
                #expect(commit.streamVersions == [2, 3, 1])
                #expect(try store.readLog(after: 3, limit: .everything).map(\.stream) == [a, a, c])
            }
        },
        EventStoreCheck("all or nothing: a conflict on the last of several streams records none of them") { place in
            try place.with { store in
                let (a, b, c) = (try stream("a"), try stream("b"), try stream("c"))
                try store.commit(append(events(1), to: c))
                let request = AppendRequest(
                    command: key("k"),
                    writes: [
                        StreamWrite(stream: a, expected: .exactly(0), events: events(2)),
                        StreamWrite(stream: b, expected: .any, events: events(2)),
                        StreamWrite(stream: c, expected: .exactly(0), events: events(2)),
                    ])
                try store.expectUnchanged { () throws in
                    let (results, records) = try store.append([request])
                    #expect(records.isEmpty)
                    #expect(results.first?.conflict?.write == 2)
                    #expect(results.first?.conflict?.actual == 1)
                }
                #expect(try store.outcome(of: Array("k".utf8), in: a) == nil)
                #expect(try store.readStream(a, after: 0, limit: .everything).version == 0)
            }
        },
        EventStoreCheck("a write without events only asks that its expected version holds") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                func request(expecting version: UInt64) -> AppendRequest {
                    AppendRequest(writes: [
                        StreamWrite(stream: a, expected: .exactly(version), events: []),
                        StreamWrite(stream: b, expected: .any, events: events(1)),
                    ])
                }
                try store.expectUnchanged { () throws in
                    #expect(try store.append(request(expecting: 1)).conflict?.write == 0)
                }
                #expect(try store.commit(request(expecting: 0)).streamVersions == [0, 1])
            }
        },
    ]
}
