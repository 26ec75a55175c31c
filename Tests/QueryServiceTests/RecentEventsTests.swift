import EventSourcing
import QueryService
import TestSupport
import Testing

@Suite struct RecentEventsTests {
    /// The newest records in an array, asked in the simplest way.
    private struct Model {
        let limit: Int
        var records: [RecordedEvent] = []
        var before: UInt64

        mutating func apply(_ record: RecordedEvent) {
            records.append(record)
            while records.count > limit { before = records.removeFirst().position }
        }

        func records(after position: UInt64, limit: Int) -> RecentEvents.Part {
            position < before ? .older : .records(Array(records.filter { $0.position > position }.prefix(limit)))
        }

        func records(of stream: StreamID, after version: UInt64, upTo last: UInt64, limit: Int) -> RecentEvents.Part {
            if version >= last { return .records([]) }
            let held = records.filter { $0.stream == stream }
            guard let first = held.first, first.streamVersion <= version + 1 else { return .older }
            return .records(
                Array(held.filter { $0.streamVersion > version && $0.streamVersion <= last }.prefix(limit)))
        }
    }

    @Test(arguments: [0, 1, 2, 5, 40, 1000], 0..<3 as Range<UInt64>)
    func `holds the newest records and knows what it does not hold`(limit: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
        let start = UInt64(below(2) * below(100))
        var recent = RecentEvents(limit: limit, after: start)
        var model = Model(limit: limit, before: start)
        var versions = [UInt64](repeating: 0, count: 5)
        for position in (start + 1)...(start + 300) {
            // Some streams are busy, some are not: what is held of them begins early or late.
            let stream = min(below(5), below(5))
            versions[stream] += 1
            let record = record(position, of: "s\(stream)", version: versions[stream])
            recent.apply(record)
            model.apply(record)
            let wanted = below(12)
            let after = start + UInt64(below(320))
            try #require(recent.records(after: after, limit: wanted) == model.records(after: after, limit: wanted))
            for (number, newest) in versions.enumerated() {
                let stream = try #require(StreamID(category: "test", name: "s\(number)"))
                let version = UInt64(below(Int(newest) + 3))
                let last = below(3) == 0 ? .max : UInt64(below(Int(newest) + 3))
                try #require(
                    recent.records(of: stream, after: version, upTo: last, limit: wanted)
                        == model.records(of: stream, after: version, upTo: last, limit: wanted),
                    "limit \(limit), seed \(seed), position \(position)")
            }
        }
    }

    @Test func `a stream of which nothing is held is to be read from the log`() throws {
        var recent = RecentEvents(limit: 2)
        for record in [record(1, of: "a", version: 1), record(2, of: "b", version: 1), record(3, of: "b", version: 2)] {
            recent.apply(record)
        }
        let (a, b) = (record(1, of: "a").stream, record(1, of: "b").stream)
        #expect(recent.records(of: a, after: 0, upTo: 1, limit: 9) == .older)
        #expect(recent.records(of: a, after: 1, upTo: 1, limit: 9) == .records([]))
        #expect(recent.records(of: b, after: 0, upTo: 1, limit: 9) == .records([record(2, of: "b", version: 1)]))
    }

    @Test func `nothing comes after the last position, however far`() {
        var recent = RecentEvents(limit: 10)
        for record in records(1...3) { recent.apply(record) }
        for position in [3, 4, UInt64(Int64.max), UInt64(Int64.max) + 1, .max] as [UInt64] {
            #expect(recent.records(after: position, limit: 9) == .records([]))
        }
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func `holds no more bytes than it may, whatever the size of the records, and knows what it does not hold`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let limit = 50_000
        var recent = RecentEvents(limit: 1000, bytes: limit)
        var largest = 0
        for position in 1...500 as ClosedRange<UInt64> {
            let size =
                Int.random(in: 0..<50, using: &generator) == 0 ? 60_000 : Int.random(in: 0..<4000, using: &generator)
            let data = String(repeating: " ", count: size) + "1"
            recent.apply(record(position, of: "s", version: position, data: data))
            try #require(recent.bytes <= limit)
            largest = max(largest, recent.bytes)
            // What it gives is without a gap, and ends with the newest record.
            let oldest = (0..<position).first { recent.records(after: $0, limit: 1) != .older } ?? position
            guard case .records(let held) = recent.records(after: oldest, limit: 1000) else {
                Issue.record("nothing is held after \(oldest)")
                return
            }
            try #require(held.map(\.position) == Array((oldest + 1)..<(position + 1)))
            // One that is too large by itself is not held, nor is anything before it.
            if size > limit { try #require(oldest == position) }
        }
        #expect(largest > limit / 2)
    }
}
