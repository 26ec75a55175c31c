internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let missedEventChecks = [
        EventStoreCheck("a conflict shows the events after the expected version") { place in
            try place.with { store in
                let a = try stream("a")
                let (_, records) = try store.append([append(events(5), to: a)])
                for version in 0..<5 {
                    let conflict = try store.append(append(events(1), to: a, .exactly(UInt64(version)))).conflict
                    #expect(conflict?.missed == Array(records[version...]))
                }
                let known = try store.append(
                    append(events(1), to: a, .exactly(3, lastEvent: records[2].event.id))
                ).conflict
                #expect(known?.missed == Array(records[3...]))
            }
        },
        EventStoreCheck("a conflict beyond the stream's end shows its last event, or nothing where it has none") {
            place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                let (_, records) = try store.append([append(events(3), to: a)])
                #expect(try store.append(append(events(1), to: a, .exactly(7))).conflict?.missed == [records[2]])
                let none = try store.append(append(events(1), to: b, .exactly(7))).conflict
                #expect(none == StreamConflict(write: 0, stream: b, actual: 0, missed: []))
            }
        },
        EventStoreCheck("a conflict on a stream that took another course shows the event at the expected version") {
            place in
            try place.with { store in
                let a = try stream("a")
                let (_, records) = try store.append([append(events(5), to: a)])
                let conflict = try store.append(append(events(1), to: a, .exactly(3, lastEvent: event().id))).conflict
                #expect(conflict?.missed == Array(records[2...]))
            }
        },
        EventStoreCheck("a conflict shows a bounded number of events and bytes, from the oldest") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                try store.commit(append(events(300), to: a))
                let many = try #require(try store.append(append(events(1), to: a, .exactly(0))).conflict)
                #expect(many.actual == 300)
                #expect(many.missed.map(\.streamVersion) == Array(1...100))

                let large = event("\"" + String(repeating: "x", count: 100_000) + "\"")
                for _ in 0..<5 { try store.commit(append([large], to: b)) }
                let heavy = try #require(try store.append(append(events(1), to: b, .exactly(1))).conflict)
                #expect(heavy.missed.map(\.streamVersion) == [2, 3])
            }
        },
        EventStoreCheck("the conflicts of a batch show a bounded number of bytes, headers and topics included") {
            place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append(events(100), to: a))
                let small = try missed(by: 1000, of: a, in: store)
                #expect(small.first?.count == 100)
                #expect(small.last?.count == 1)
                let bytes = small.joined().reduce(0) { $0 + $1.byteCount }
                #expect(bytes > 2 << 20 && bytes < 3 << 20, "\(bytes)")
            }
        },
        EventStoreCheck("however large the first event is that was missed, the conflicts of a batch show only some") {
            place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append([event("\"" + String(repeating: "x", count: 1_000_000) + "\"")], to: a))
                let large = try missed(by: 100, of: a, in: store)
                #expect(large.prefix(3).allSatisfy { $0.map(\.streamVersion) == [1] })
                #expect(large.reduce(0) { $0 + $1.count } == 4)
                #expect(large.last?.isEmpty == true)
            }
        },
    ]
}

/// What the log returns to each of `count` appenders, all in one batch, that know nothing of a stream.
private func missed(by count: Int, of stream: StreamID, in store: any EventStore) throws -> [[RecordedEvent]] {
    let (results, _) = try store.append((0..<count).map { _ in append(events(1), to: stream, .exactly(0)) })
    return try results.map { try #require($0.conflict).missed }
}
