import EventSourcing
import Testing

@testable import SQLiteEventStore

@Suite("The cache of stream heads")
struct StreamHeadCacheTests {
    @Test("is bounded, forgets what was not used, and keeps the newest value")
    func bounded() throws {
        var cache = StreamHeadCache(capacity: 10)
        let used = try #require(StreamID(category: "c", name: "used"))
        cache.set(StreamHead(version: 1), for: used)
        cache.set(StreamHead(version: 2), for: used)
        for number in 0..<100 {
            cache.set(StreamHead(version: 1), for: try #require(StreamID(category: "c", name: "s\(number)")))
            #expect(cache.head(of: used) == StreamHead(version: 2))
            #expect(cache.count <= 10)
        }
        #expect(cache.head(of: try #require(StreamID(category: "c", name: "s0"))) == nil)
        #expect(cache.head(of: try #require(StreamID(category: "c", name: "s99"))) == StreamHead(version: 1))
    }
}
