internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let orderChecks = [
        EventStoreCheck("an empty log has position 0 and the hash of its id") { place in
            try place.with { store in
                let head = try store.head()
                #expect(head.position == 0)
                #expect(head.hash == HashChain.genesis(of: store.logID))
                #expect(head.recordedAt == Timestamp(microseconds: 0))
                #expect(try store.everything().isEmpty)
                let slice = try store.readStream(stream("none"), after: 0, limit: .everything)
                #expect(slice == StreamSlice(events: [], version: 0))
            }
        },
        EventStoreCheck("an append returns its records, and reads give the same") { place in
            try place.with { store in
                let offered = events(3)
                let (results, records) = try store.append([append(offered, to: try stream("a"), .exactly(0))])
                #expect(records.map(\.event) == offered)
                #expect(records.map(\.position) == [1, 2, 3])
                #expect(records.map(\.streamVersion) == [1, 2, 3])
                let last = try #require(records.last)
                #expect(
                    results == [
                        .committed(Commit(position: 3, recordedAt: last.recordedAt, streamVersions: [3]))
                    ])
                #expect(try store.everything() == records)
                #expect(
                    try store.readStream(stream("a"), after: 0, limit: .everything)
                        == StreamSlice(events: records, version: 3))
                #expect(
                    try store.head()
                        == LogHead(position: 3, hash: last.hash, recordedAt: last.recordedAt))
            }
        },
        EventStoreCheck("I3: positions and stream versions have no gaps, whatever is refused between") { place in
            try place.with { store in
                let streams = try (0..<5).map { try stream("s\($0)") }
                for round in 0..<20 {
                    var batch = streams.map { append(events(round % 3 + 1), to: $0) }
                    batch.insert(append([], to: streams[0]), at: 1)
                    batch.insert(append(events(2), to: streams[1], .exactly(999)), at: 2)
                    batch.append(append([event("not JSON {")], to: streams[2]))
                    _ = try store.append(batch)
                }
                let records = try store.everything()
                #expect(records.map(\.position) == Array(1...UInt64(records.count)))
                #expect(try store.head().position == UInt64(records.count))
                for stream in streams {
                    let slice = try store.readStream(stream, after: 0, limit: .everything)
                    #expect(slice.events.map(\.streamVersion) == Array(1...slice.version))
                    #expect(slice.events == records.filter { $0.stream == stream })
                }
            }
        },
        EventStoreCheck("streams of the same name in other categories, and prefixes of names, are other streams") {
            place in
            try place.with { store in
                let a = try stream("acc-1")
                let b = try stream("acc-10")
                let c = try #require(StreamID(category: "tes", name: "t.acc-1"))
                let d = try #require(StreamID(category: "Test", name: "acc-1"))
                for stream in [a, b, c, d] { try store.commit(append(events(2), to: stream, .exactly(0))) }
                for stream in [a, b, c, d] {
                    let slice = try store.readStream(stream, after: 0, limit: .everything)
                    #expect(slice.version == 2)
                    #expect(slice.events.allSatisfy { $0.stream == stream })
                }
            }
        },
    ]
}
