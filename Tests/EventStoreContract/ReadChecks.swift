internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let readChecks = [
        EventStoreCheck("the log and a stream are read page by page") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                for _ in 0..<10 { _ = try store.append([append(events(3), to: a), append(events(2), to: b)]) }
                let records = try store.everything()
                #expect(records.count == 50)
                for size in [1, 7, 50, 51] {
                    let limit = ReadLimit(events: size)
                    #expect(try pages { try store.readLog(after: $0?.position ?? 0, limit: limit) } == records)
                    let slices = try pages { last in
                        let slice = try store.readStream(a, after: last?.streamVersion ?? 0, limit: limit)
                        #expect(slice.version == 30)
                        return slice.events
                    }
                    #expect(slices == records.filter { $0.stream == a })
                }
            }
        },
        EventStoreCheck("a read keeps to its limit of bytes but gives at least one event") { place in
            try place.with { store in
                let a = try stream("a")
                // 100 bytes each: 90 of data, 10 of metadata.
                let hundred = event("\"" + String(repeating: "x", count: 88) + "\"", metadata: #"{"m":1234}"#)
                try store.commit(append([NewEvent](repeating: hundred, count: 10), to: a))
                for (bytes, count) in [(1, 1), (99, 1), (100, 1), (199, 1), (200, 2), (999, 9), (1000, 10)] {
                    let limit = ReadLimit(events: 100, bytes: bytes)
                    #expect(try store.readLog(after: 0, limit: limit).count == count, "\(bytes) bytes")
                    #expect(try store.readStream(a, after: 0, limit: limit).events.count == count, "\(bytes) bytes")
                }
            }
        },
        EventStoreCheck("a read from the end or beyond it gives nothing") { place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append(events(3), to: a))
                for start in [3, 4, UInt64(Int64.max), UInt64(Int64.max) + 1, .max] as [UInt64] {
                    #expect(try store.readLog(after: start, limit: .everything).isEmpty)
                    #expect(
                        try store.readStream(a, after: start, limit: .everything)
                            == StreamSlice(events: [], version: 3))
                }
            }
        },
    ]

    /// All that a read gives page after page: `read` is handed the last event of the page before.
    private static func pages(_ read: (RecordedEvent?) throws -> [RecordedEvent]) throws -> [RecordedEvent] {
        var records: [RecordedEvent] = []
        while true {
            let page = try read(records.last)
            if page.isEmpty { return records }
            records += page
        }
    }
}
