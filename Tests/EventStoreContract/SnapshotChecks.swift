internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let snapshotChecks = [
        EventStoreCheck("a snapshot is kept only where the stream has its last event at its version") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                let records = try fill(store, a, 5)
                let others = try fill(store, b, 5)
                let wrong = [
                    copy(of: a, at: 3, lastEvent: records[3].event.id),
                    copy(of: a, at: 6, lastEvent: records[4].event.id),
                    copy(of: a, at: 3, lastEvent: others[2].event.id),
                    copy(of: a, at: 3, lastEvent: UniqueID(high: 1, low: 1)),
                    copy(of: a, at: 0, lastEvent: records[0].event.id),
                    copy(of: a, at: .max, lastEvent: records[4].event.id),
                    copy(of: try stream("none"), at: 1, lastEvent: records[0].event.id),
                ]
                #expect(try store.keep(wrong) == wrong.map { _ in false })
                for snapshot in wrong {
                    #expect(try store.snapshot(of: snapshot.stream, fingerprint: mark(1), atMost: .max) == nil)
                }
                // Each has an answer of its own, in order.
                let right = copy(of: a, at: 3, lastEvent: records[2].event.id)
                #expect(try store.keep([wrong[0], right, wrong[1]]) == [false, true, false])
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: .max) == right)
                #expect(try store.keep([]).isEmpty)
            }
        },
        EventStoreCheck("a snapshot's state is any bytes, up to the longest") { place in
            try place.with { store in
                let a = try stream("a")
                let last = try fill(store, a, 1)[0].event.id
                for state in [[], [0], (0...255).map { $0 }, [UInt8](repeating: 0xFF, count: Snapshot.longestState)] {
                    let snapshot = copy(of: a, at: 1, lastEvent: last, state: state)
                    #expect(try store.keep([snapshot]) == [true])
                    #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: 1) == snapshot)
                }
                let tooLong = copy(
                    of: a, at: 1, lastEvent: last, state: [UInt8](repeating: 0, count: Snapshot.longestState + 1))
                #expect(try store.keep([tooLong]) == [false])
            }
        },
        EventStoreCheck("the newest snapshot at a version or before it is found") { place in
            try place.with { store in
                let a = try stream("a")
                let records = try fill(store, a, 10)
                let kept = [2, 5, 9].map { copy(of: a, at: UInt64($0), lastEvent: records[$0 - 1].event.id) }
                #expect(try store.keep(kept.reversed()) == [true, true, true])
                for version in Array(0...12) + [UInt64(Int64.max), UInt64(Int64.max) + 1, .max] {
                    let expected = kept.last { $0.version <= version }
                    #expect(
                        try store.snapshot(of: a, fingerprint: mark(1), atMost: version) == expected, "\(version)")
                }
            }
        },
        EventStoreCheck("a snapshot of another fingerprint or another stream is not seen") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                let records = try fill(store, a, 4)
                try fill(store, b, 4)
                let one = copy(of: a, at: 2, lastEvent: records[1].event.id)
                let other = copy(of: a, at: 3, lastEvent: records[2].event.id, fingerprint: 2)
                #expect(try store.keep([one, other]) == [true, true])
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: .max) == one)
                #expect(try store.snapshot(of: a, fingerprint: mark(2), atMost: .max) == other)
                #expect(try store.snapshot(of: a, fingerprint: mark(3), atMost: .max) == nil)
                #expect(try store.snapshot(of: b, fingerprint: mark(1), atMost: .max) == nil)
            }
        },
        EventStoreCheck("a snapshot takes the place of the one of its stream, version and fingerprint") { place in
            try place.with { store in
                let a = try stream("a")
                let last = try fill(store, a, 2)[1].event.id
                let old = copy(of: a, at: 2, lastEvent: last, state: [1])
                let other = copy(of: a, at: 2, lastEvent: last, fingerprint: 2, state: [2])
                let new = copy(of: a, at: 2, lastEvent: last, state: [3])
                #expect(try store.keep([old, other]) == [true, true])
                #expect(try store.keep([new]) == [true])
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: .max) == new)
                #expect(try store.snapshot(of: a, fingerprint: mark(2), atMost: .max) == other)
            }
        },
        EventStoreCheck("a dropped snapshot is gone, and no other is") { place in
            try place.with { store in
                let a = try stream("a")
                let records = try fill(store, a, 3)
                let kept = [1, 2, 3].map { copy(of: a, at: UInt64($0), lastEvent: records[$0 - 1].event.id) }
                #expect(try store.keep(kept) == [true, true, true])
                for version in [0, 4, .max] as [UInt64] {
                    try store.dropSnapshot(of: a, fingerprint: mark(1), version: version)
                }
                try store.dropSnapshot(of: a, fingerprint: mark(2), version: 2)
                try store.dropSnapshot(of: try stream("b"), fingerprint: mark(1), version: 2)
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: 2) == kept[1])
                try store.dropSnapshot(of: a, fingerprint: mark(1), version: 2)
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: 2) == kept[0])
                #expect(try store.snapshot(of: a, fingerprint: mark(1), atMost: 3) == kept[2])
            }
        },
        EventStoreCheck("I10: snapshots leave the log as it is") { place in
            try place.with { store in
                let a = try stream("a")
                let last = try fill(store, a, 3)[2].event.id
                try store.expectUnchanged {
                    #expect(try store.keep([copy(of: a, at: 3, lastEvent: last)]) == [true])
                    try store.dropSnapshot(of: a, fingerprint: mark(1), version: 3)
                }
                let commit = try store.commit(append(events(1), to: a, .exactly(3, lastEvent: last)))
                #expect(commit.position == 4)
            }
        },
    ]
}
