internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let commandKeyChecks = [
        EventStoreCheck("I4: a key gives its first outcome for ever, and records nothing again") { place in
            try place.with { store in
                let a = try stream("a")
                let commit = try store.commit(append(events(2), to: a, .exactly(0), under: key("k", outcome: "x")))
                try store.commit(append(events(3), to: a))
                try store.expectUnchanged { () throws in
                    let replay = append(events(1), to: a, .exactly(0), under: key("k", outcome: "y"))
                    for _ in 0..<3 {
                        #expect(
                            try store.append(replay)
                                == .replayed(KeyedOutcome(streams: [a], commit: commit, outcome: Array("x".utf8))))
                    }
                }
                let known = try #require(try store.outcome(of: Array("k".utf8), in: a))
                #expect(known.fingerprint == Digest256(1, 0, 0, 0))
                #expect(known.outcome == KeyedOutcome(streams: [a], commit: commit, outcome: Array("x".utf8)))
            }
        },
        EventStoreCheck("I4: a key with another fingerprint is refused") { place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append(events(1), to: a, under: key("k")))
                try store.expectUnchanged { () throws in
                    #expect(try store.append(append(events(1), to: a, under: key("k", fingerprint: 2))) == .keyReused)
                }
            }
        },
        EventStoreCheck("I4: a key belongs to the first stream of its append") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                let both = AppendRequest(
                    command: key("k"),
                    writes: [
                        StreamWrite(stream: a, expected: .any, events: events(1)),
                        StreamWrite(stream: b, expected: .any, events: events(2)),
                    ])
                let commit = try store.commit(both)
                #expect(commit.streamVersions == [1, 2])
                #expect(try store.outcome(of: Array("k".utf8), in: a)?.outcome.commit == commit)
                #expect(try store.outcome(of: Array("k".utf8), in: b) == nil)
                try store.commit(append(events(1), to: b, under: key("k", fingerprint: 2)))
            }
        },
        EventStoreCheck("I4: a refusal is recorded under its key without events, where the expected version holds") {
            place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append(events(4), to: a))
                let refusal = key("k", outcome: "insufficient funds")
                #expect(try store.append(append([], to: a, .exactly(3), under: refusal)).conflict?.actual == 4)
                #expect(try store.outcome(of: Array("k".utf8), in: a) == nil)
                try store.expectUnchanged { () throws in
                    let commit = try store.commit(append([], to: a, .exactly(4), under: refusal))
                    #expect(commit.position == 4)
                    #expect(commit.streamVersions == [4])
                    #expect(
                        try store.append(append(events(1), to: a, under: refusal))
                            == .replayed(KeyedOutcome(streams: [a], commit: commit, outcome: refusal.outcome)))
                }
            }
        },
        EventStoreCheck("I4: a refused append leaves its key free") { place in
            try place.with { store in
                let a = try stream("a")
                #expect(try store.append(append(events(1), to: a, .exactly(1), under: key("k"))).conflict != nil)
                #expect(try store.append(append([event("")], to: a, under: key("k"))).isInvalid)
                #expect(try store.outcome(of: Array("k".utf8), in: a) == nil)
                try store.commit(append(events(1), to: a, under: key("k", fingerprint: 9)))
            }
        },
        EventStoreCheck("keys and outcomes are bytes, up to their longest") { place in
            try place.with { store in
                let a = try stream("a")
                let longKey = (0..<255).map { UInt8($0) }
                let outcome = [UInt8](repeating: 0xFF, count: CommandKey.longestOutcome)
                let long = CommandKey(key: longKey, fingerprint: Digest256(1, 2, 3, .max), outcome: outcome)
                try store.commit(append([], to: a, under: long))
                let zero = CommandKey(key: [0], fingerprint: Digest256(0, 0, 0, 0), outcome: [])
                try store.commit(append([], to: a, under: zero))
                #expect(try store.outcome(of: longKey, in: a)?.outcome.outcome == outcome)
                #expect(try store.outcome(of: longKey, in: a)?.fingerprint == long.fingerprint)
                #expect(try store.outcome(of: [0], in: a)?.outcome.outcome == [])
                #expect(try store.outcome(of: [0, 0], in: a) == nil)
            }
        },
    ]
}
