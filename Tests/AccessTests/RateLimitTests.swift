import Access
import Testing

@Suite struct RateLimitTests {
    private let start = ContinuousClock.now

    private func limit(_ perSecond: Int, burst: Int = 1, maxKeys: Int = 1000) throws -> RateLimit<String> {
        RateLimit(try #require(Rate(perSecond: perSecond)), burst: burst, maxKeys: maxKeys)
    }

    @Test(arguments: [("1/s", 1), ("200/s", 200), ("0200/s", 200), ("1000000/s", 1_000_000)])
    func `a rate is read`(_ text: String, _ perSecond: Int) { #expect(Rate(text)?.perSecond == perSecond) }

    @Test(arguments: [
        "", "200", "/s", "0/s", "-1/s", "+1/s", "1000001/s", "200/m", "200 /s", "200/s ", "2.5/s", "٣/s", "9999999/s",
        "99999999999999999999/s",
    ])
    func `what is no rate is refused`(_ text: String) { #expect(Rate(text) == nil) }

    @Test(arguments: [1, 3, 200, 7919, 1_000_000])
    func `a bucket holds one second's worth and fills again`(_ perSecond: Int) throws {
        let limit = try limit(perSecond)
        let now = start + .seconds(1)
        #expect(limit.take(perSecond, for: "a", at: now) == nil)
        #expect(limit.take(for: "a", at: now) == 1)
        #expect(limit.take(for: "b", at: now) == nil, "another's bucket is full")
        #expect(limit.take(perSecond, for: "a", at: now + .milliseconds(500)) == 1)
        #expect(limit.take(perSecond, for: "a", at: now + .seconds(1)) == nil)
    }

    @Test func `single requests at the rate pass, one more does not`() throws {
        let limit = try limit(10)
        var passed = 0
        // 5 seconds, 40 requests in each.
        for tick in 0..<200 where limit.take(for: "a", at: start + .milliseconds(25 * tick)) == nil { passed += 1 }
        #expect((58...60).contains(passed), "10 at once and 10 a second: \(passed)")
    }

    @Test func `a clock that stands still or goes back gives nothing`() throws {
        let limit = try limit(5)
        for _ in 0..<5 { #expect(limit.take(for: "a", at: start + .seconds(10)) == nil) }
        #expect(limit.take(for: "a", at: start) != nil)
        #expect(limit.take(for: "a", at: start - .seconds(1_000_000)) != nil)
        #expect(limit.take(for: "a", at: start + .seconds(10)) == 1)
    }

    @Test func `absurd numbers and times are bounded`() throws {
        let limit = try limit(1)
        #expect(limit.take(.max, for: "a", at: start) == 3599)
        #expect(limit.take(-5, for: "a", at: start) == nil)
        #expect(limit.reserve(.max, for: "a", at: start) <= .seconds(3600))
        #expect(limit.reserve(.max, for: "a", at: start) <= .seconds(3600))
        #expect(limit.take(for: "a", at: start) ?? 0 <= 7200)
        #expect(limit.take(for: "b", at: start + .seconds(Int64.max / 2)) == nil)
        #expect(limit.take(for: "b", at: start + .seconds(Int64.max / 2)) == 1)
    }

    @Test func `who reserves more than half of what there is waits in proportion`() throws {
        let limit = try limit(100)
        let now = start + .seconds(1)
        #expect(limit.reserve(50, for: "a", at: now) == .zero)
        #expect(limit.reserve(50, for: "a", at: now) == .milliseconds(500))
        #expect(limit.reserve(100, for: "a", at: now) == .milliseconds(1500))
        #expect(limit.reserve(50, for: "a", at: now) == .seconds(2))
        #expect(limit.take(for: "a", at: now) == 2)
        #expect(limit.take(for: "a", at: now + .milliseconds(1510)) == nil)
    }

    @Test func `beside who reserves and waits, single requests are within the rate`() throws {
        let limit = try limit(100)
        var now = start + .seconds(1)
        for _ in 0..<20 {
            now += limit.reserve(16, for: "a", at: now)
            #expect(limit.take(for: "a", at: now) == nil)
        }
    }

    @Test func `memory is bounded: full buckets are evicted, further keys share one`() throws {
        let limit = try limit(2, maxKeys: 100)
        for number in 0..<100 { #expect(limit.take(for: "\(number)", at: start) == nil) }
        #expect(limit.take(2, for: "x", at: start) == nil)
        #expect(limit.take(for: "y", at: start) == 1, "the bucket of all further keys is empty")
        #expect(limit.keyCount == 100)
        #expect(limit.take(for: "0", at: start) == nil, "who has a bucket keeps it")
        #expect(limit.take(for: "y", at: start + .seconds(3)) == nil)
        #expect(limit.keyCount == 1)
        for number in 0..<10_000 { _ = limit.take(for: "k\(number)", at: start + .seconds(4)) }
        #expect(limit.keyCount <= 100)
    }

    @Test func `a bucket may hold more than a second's worth`() throws {
        let limit = try limit(10, burst: 10)
        #expect(limit.take(100, for: "a", at: start + .seconds(1)) == nil)
        #expect(limit.take(1, for: "a", at: start + .seconds(1)) == 1)
        #expect(limit.take(10, for: "a", at: start + .seconds(2)) == nil)
    }
}
