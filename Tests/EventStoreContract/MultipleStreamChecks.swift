internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let multipleStreamChecks = [
        EventStoreCheck("a conflict names every stream that is not as expected, each with what was missed") { place in
            try place.with { store in
                let (a, b, c, d) = (try stream("a"), try stream("b"), try stream("c"), try stream("d"))
                let (ofA, ofC) = (try fill(store, a, 3), try fill(store, c, 2))
                try store.expectUnchanged { () throws in
                    let conflict = try store.conflict(
                        AppendRequest(writes: [
                            StreamWrite(stream: a, expected: .exactly(1), events: events(1)),
                            StreamWrite(stream: b, expected: .exactly(0), events: events(1)),
                            StreamWrite(
                                stream: c, expected: .exactly(2, lastEvent: ofA[1].event.id), events: events(1)),
                            StreamWrite(stream: d, expected: .exactly(4), events: []),
                        ]))
                    #expect(
                        conflict?.streams == [
                            StreamConflict(write: 0, stream: a, actual: 3, missed: Array(ofA[1...])),
                            StreamConflict(write: 2, stream: c, actual: 2, missed: [ofC[1]]),
                            StreamConflict(write: 3, stream: d, actual: 0, missed: []),
                        ])
                }
            }
        },
        EventStoreCheck("what a conflict shows of several streams is bounded in all") { place in
            try place.with { store in
                let streams = try (0..<3).map { try stream("s\($0)") }
                for (stream, count) in zip(streams, [200, 5, 200]) {
                    try store.commit(append(events(count), to: stream))
                }
                func request(_ chosen: [StreamID]) -> AppendRequest {
                    AppendRequest(
                        writes: chosen.map { StreamWrite(stream: $0, expected: .exactly(0), events: events(1)) })
                }
                // 100 in all: a third for the first, and the third has what the second leaves.
                let many = try #require(try store.conflict(request(streams)))
                #expect(many.streams.map(\.actual) == [200, 5, 200])
                #expect(many.streams.map(\.missed.count) == [33, 5, 62])
                #expect(many.streams.allSatisfy { $0.missed.first?.streamVersion == 1 })

                let large = event("\"" + String(repeating: "x", count: 200_000) + "\"")
                let heavy = try (0..<4).map { try stream("h\($0)") }
                for stream in heavy { try store.commit(append([large, large], to: stream)) }
                let few = try #require(try store.conflict(request(heavy)))
                // The first event of a stream comes whatever its size, as long as anything is left.
                #expect(few.streams.map(\.missed.count) == [1, 1, 0, 0])
                #expect(few.streams.map(\.actual) == [2, 2, 2, 2])
            }
        },
        EventStoreCheck("once the conflicts of a batch show much, each further one shows one event in all") { place in
            try place.with { store in
                let streams = try (0..<2).map { try stream("s\($0)") }
                let large = event("\"" + String(repeating: "x", count: 60_000) + "\"")
                for stream in streams { try store.commit(append(Array(repeating: large, count: 3), to: stream)) }
                let request = AppendRequest(
                    writes: streams.map { StreamWrite(stream: $0, expected: .exactly(0), events: events(1)) })
                let (results, _) = try store.append(Array(repeating: request, count: 20))
                let counts: [[Int]] = results.map { result in
                    if case .conflict(let conflict) = result { conflict.streams.map(\.missed.count) } else { [] }
                }
                #expect(counts.first == [2, 2])
                #expect(counts.last == [1, 0])
                #expect(counts.allSatisfy { $0 == [2, 2] || $0 == [1, 0] })
            }
        },
        EventStoreCheck("I4: a key tells all streams of its append and their versions, for ever") { place in
            let (a, b, c) = (try stream("a"), try stream("b"), try stream("c"))
            let request = AppendRequest(
                command: key("k", outcome: "x"),
                writes: [
                    StreamWrite(stream: a, expected: .any, events: events(1)),
                    StreamWrite(stream: b, expected: .any, events: []),
                    StreamWrite(stream: c, expected: .any, events: events(2)),
                ])
            let first = try place.with { store in
                try store.commit(append(events(4), to: b))
                let commit = try store.commit(request)
                #expect(commit.streamVersions == [1, 4, 2])
                let refusal = AppendRequest(
                    command: key("refused"),
                    writes: [c, a].map { StreamWrite(stream: $0, expected: .any, events: []) })
                #expect(try store.commit(refusal).streamVersions == [2, 1])
                return KeyedOutcome(streams: [a, b, c], commit: commit, outcome: Array("x".utf8))
            }
            try place.with { store in
                try store.commit(append(events(3), to: b))
                #expect(try store.append(request) == .replayed(first))
                #expect(try store.outcome(of: Array("k".utf8), in: a)?.outcome == first)
                #expect(try store.outcome(of: Array("refused".utf8), in: c)?.outcome.streams == [c, a])
                #expect(try store.outcome(of: Array("refused".utf8), in: c)?.outcome.commit.streamVersions == [2, 1])
            }
        },
        EventStoreCheck("an append names at most so many streams") { place in
            try place.with { store in
                func request(_ count: Int) throws -> AppendRequest {
                    let writes = try (0..<count).map {
                        StreamWrite(stream: try stream("s\($0)"), expected: .exactly(0), events: events(1))
                    }
                    return AppendRequest(command: key("k"), writes: writes)
                }
                try store.expectUnchanged { () throws in
                    #expect(try store.append(request(AppendRequest.maxStreams + 1)).isInvalid)
                }
                let commit = try store.commit(try request(AppendRequest.maxStreams))
                #expect(commit.position == UInt64(AppendRequest.maxStreams))
                let kept = try store.outcome(of: Array("k".utf8), in: try stream("s0"))
                #expect(kept?.outcome.streams.count == AppendRequest.maxStreams)
            }
        },
    ]
}
