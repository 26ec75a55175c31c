internal import EventSourcing
internal import Testing

extension EventStoreContract {
    static let byteChecks = [
        EventStoreCheck("data and metadata come back as the very bytes that were appended") { place in
            let texts = [
                "{}", " { \"a\" :\t1 ,\r\n\"a\" : 1.0e+0 } \n", "\"é\"", "\"e\u{301}\"", "\"\u{1F600}\u{10FFFF}\"",
                "\"\\u0000\\ud83d\\ude00\"", "[ ]", "null", "-0.0", "\"\u{FEFF}\u{2028}\"",
                "\"'; DROP TABLE events; --\"",
                "123456789012345678901234567890",
            ]
            let offered = texts.map { event($0, metadata: "\n{\"text\": \($0)}\t") } + [event("{}", metadata: "")]
            let a = try stream("a")
            try place.with { store in
                let (_, records) = try store.append([append(offered, to: a)])
                #expect(records.map(\.event) == offered)
            }
            try place.with { store throws in
                #expect(try store.everything().map(\.event) == offered)
                #expect(try store.readStream(a, after: 0, limit: .everything).events.map(\.event) == offered)
            }
        },
        EventStoreCheck("ids, names and numbers come back at the edges of their ranges") { place in
            let name = String(repeating: "n", count: 128)
            let longest = try #require(StreamID(category: String(repeating: "c", count: 32), name: name))
            let offered = [
                NewEvent(
                    id: UniqueID(high: .max, low: .max), type: String(repeating: "T", count: 64),
                    schemaVersion: .max, data: [0x30]),
                NewEvent(id: UniqueID(high: 0, low: 0), type: "A-Z.a_z~09", schemaVersion: 1, data: [0x30]),
            ]
            try place.with { store in
                try store.commit(append(offered, to: longest, under: key("k")))
                let records = try store.everything()
                #expect(records.map(\.event) == offered)
                #expect(records.map(\.stream) == [longest, longest])
                #expect(try store.readStream(longest, after: 1, limit: .everything).events == [records[1]])
                #expect(try store.outcome(of: Array("k".utf8), in: longest) != nil)
            }
        },
    ]
}
