internal import EventSourcing
internal import Testing

extension EventStoreContract {
    /// Appends without events and without a key, which ask only whether what they expect holds.
    static let checkChecks = [
        EventStoreCheck("a check is committed at the head if all that it expects holds, and records nothing") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                #expect(try store.commit(append([], to: a, .exactly(0))).position == 0)
                let last = try #require(try fill(store, a, 3).last)
                try store.expectUnchanged { () throws in
                    let commit = try store.commit(
                        check([(a, .exactly(3, lastEvent: last.event.id)), (b, .exactly(0))]))
                    #expect(commit.position == 3)
                    #expect(commit.streamVersions == [3, 0])
                    #expect(try store.commit(check([(b, .any)])).streamVersions == [0])
                }
            }
        },
        EventStoreCheck("a check of what does not hold is a conflict that names all such streams") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                let records = try fill(store, a, 3)
                try store.expectUnchanged { () throws in
                    let conflict = try store.conflict(check([(a, .exactly(2)), (b, .exactly(1))]))
                    #expect(
                        conflict?.streams == [
                            StreamConflict(write: 0, stream: a, actual: 3, missed: [records[2]]),
                            StreamConflict(write: 1, stream: b, actual: 0, missed: []),
                        ])
                }
            }
        },
        EventStoreCheck("a check is judged in its turn among the appends of its batch") { place in
            try place.with { store in
                let a = try stream("a")
                let (results, records) = try store.append([
                    check([(a, .exactly(0))]), append(events(2), to: a, .exactly(0)), check([(a, .exactly(0))]),
                    check([(a, .exactly(2))]), append(events(1), to: a, .exactly(2)), check([(a, .exactly(3))]),
                ])
                #expect(results[0].commit?.position == 0)
                #expect(results[2].conflict?.missed == Array(records[..<2]))
                #expect(results[3].commit?.position == 2 && results[3].commit?.streamVersions == [2])
                #expect(results[5].commit?.position == 3)
                #expect(records.count == 3)
            }
        },
        EventStoreCheck("a check keeps to the rules of appends") { place in
            try place.with { store in
                let a = try stream("a")
                #expect(try store.append(check([(a, .any), (a, .any)])).isInvalid)
                #expect(try store.append(check([])).isInvalid)
                #expect(try store.append(check([(a, .exactly(0, lastEvent: event().id))])).isInvalid)
            }
        },
    ]

    private static func check(_ expected: [(StreamID, ExpectedVersion)]) -> AppendRequest {
        AppendRequest(writes: expected.map { StreamWrite(stream: $0, expected: $1, events: []) })
    }
}
