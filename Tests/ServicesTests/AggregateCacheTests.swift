import EventSourcing
import Testing

@testable import CommandService

@Suite("The cache of aggregates")
struct AggregateCacheTests {
    private func stream(_ number: Int) throws -> StreamID {
        try #require(StreamID(category: "tally", name: "t-\(number)"))
    }

    @Test func `an aggregate keeps its place while there is room`() throws {
        var cache = AggregateCache<Tally, Int>(limit: 100)
        let places = try (0..<100).map { cache.slot(of: try stream($0)) }
        for number in 0..<100 { #expect(try cache.slot(of: stream(number)) === places[number]) }
        #expect(cache.count == 100)
    }

    @Test func `what is used again stays, and what is not goes`() throws {
        var cache = AggregateCache<Tally, Int>(limit: 20)
        let used = try (0..<10).map { cache.slot(of: try stream($0)) }
        for other in 1000..<2000 {
            _ = cache.slot(of: try stream(other))
            for number in 0..<10 { #expect(try cache.slot(of: stream(number)) === used[number]) }
        }
        #expect(cache.count == 20)
    }

    @Test func `what is in use stays, even beyond the limit, and the limit holds again afterwards`() throws {
        var cache = AggregateCache<Tally, Int>(limit: 10)
        let inUse = try (0..<50).map { number in
            let slot = cache.slot(of: try stream(number))
            slot.users += 1
            return slot
        }
        #expect(cache.count == 50)
        for number in 0..<50 { #expect(try cache.slot(of: stream(number)) === inUse[number]) }
        for slot in inUse { slot.users -= 1 }
        _ = cache.slot(of: try stream(1000))
        #expect(cache.count == 10)
        #expect(try cache.slot(of: stream(1000)) === cache.slot(of: stream(1000)))
    }
}
