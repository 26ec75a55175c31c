internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let validityChecks = [
        EventStoreCheck("a request that breaks a rule of the log is invalid and leaves no trace") { place in
            try place.with { store in
                let (a, b) = (try stream("a"), try stream("b"))
                try store.expectUnchanged { () throws in
                    for (reason, request) in brokenRequests(a, b) {
                        #expect(try store.append(request).isInvalid, "\(reason)")
                    }
                }
                #expect(try store.outcome(of: [1], in: a) == nil)
            }
        },
        EventStoreCheck("an event that is not JSON is invalid") { place in
            try place.with { store in
                let a = try stream("a")
                try store.expectUnchanged { () throws in
                    let broken = [
                        "", " ", "{", "}", "[}", "{} {}", "{\"a\":}", "{\"a\" 1}", "{a:1}", "[1,]", "01", "+1", ".5",
                        "1.",
                        "nul", "NaN", "'a'", "\"", "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "{}x\u{0}", "\u{FEFF}{}",
                        "/**/1",
                    ]
                    for data in broken {
                        #expect(try store.append(append([event(data)], to: a)).isInvalid, "data \(data)")
                    }
                    for metadata in [" ", "[]", "1", "\"x\"", "{", "null"] {
                        let request = append([event(metadata: metadata)], to: a)
                        #expect(try store.append(request).isInvalid, "metadata \(metadata)")
                    }
                    let bytes: [[UInt8]] = [[0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]]
                    for data in bytes {
                        let event = NewEvent(id: event().id, type: "T", schemaVersion: 1, data: data)
                        #expect(try store.append(append([event], to: a)).isInvalid, "data \(data)")
                    }
                }
            }
        },
        EventStoreCheck("the largest event and the largest append are accepted, one more is not") { place in
            try place.with { store in
                let a = try stream("a")
                try store.commit(append([largeEvent(1 << 20)], to: a))
                #expect(try store.append(append([largeEvent(1 << 20 + 1)], to: a)).isInvalid)
                try store.commit(append(events(10_000), to: a))
                #expect(try store.append(append(events(10_001), to: a)).isInvalid)
                #expect(try store.head().position == 10_001)
            }
        },
    ]

    /// An event whose data and metadata have `size` bytes together.
    private static func largeEvent(_ size: Int) -> NewEvent {
        let metadata = #"{"m":1}"#
        let filling = String(repeating: "x", count: size - metadata.utf8.count - 2)
        return NewEvent(
            id: .version7(at: .now()), type: "Large", schemaVersion: 1, metadata: Array(metadata.utf8),
            data: Array("\"\(filling)\"".utf8))
    }

    private static func brokenRequests(_ a: StreamID, _ b: StreamID) -> [(reason: String, AppendRequest)] {
        func under(_ key: [UInt8], outcome: [UInt8] = []) -> AppendRequest {
            append(events(1), to: a, under: CommandKey(key: key, fingerprint: Digest256(0, 0, 0, 0), outcome: outcome))
        }
        func typed(_ type: String, schemaVersion: UInt16 = 1) -> AppendRequest {
            append(
                [NewEvent(id: .version7(at: .now()), type: type, schemaVersion: schemaVersion, data: [0x30])], to: a)
        }
        return [
            ("no stream", AppendRequest(writes: [])),
            ("a key without a stream", AppendRequest(command: key("k"), writes: [])),
            (
                "a stream twice",
                AppendRequest(writes: [
                    StreamWrite(stream: a, expected: .any, events: events(1)),
                    StreamWrite(stream: b, expected: .any, events: events(1)),
                    StreamWrite(stream: a, expected: .any, events: []),
                ])
            ),
            ("an empty key", under([])),
            ("a long key", under([UInt8](repeating: 1, count: 256))),
            ("a long outcome", under([1], outcome: [UInt8](repeating: 1, count: 65_537))),
            ("no type", typed("")),
            ("a type with a slash", typed("a/b")),
            ("a long type", typed(String(repeating: "x", count: 65))),
            ("schema version 0", typed("T", schemaVersion: 0)),
            ("a last event before the first", append(events(1), to: a, .exactly(0, lastEvent: event("1").id))),
            ("a second event that is broken", append([event("1"), event("{")], to: a, under: key("k"))),
        ]
    }
}
