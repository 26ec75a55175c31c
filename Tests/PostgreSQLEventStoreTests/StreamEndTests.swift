import EventSourcing
import Testing

@testable import PostgreSQLEventStore

@Suite("The links of a stream lead back to every version")
struct StreamEndTests {
    @Test func skipsLeadToTheLandmarkWithoutTheLowestBit() throws {
        var end = StreamEnd()
        let id = UniqueID(high: 1, low: 1)
        // Each event at three times its version.
        for version in 1...20_000 as ClosedRange<UInt64> {
            let links = end.append(id, at: version * 3)
            #expect(links.previous == (version - 1) * 3)
            let number = version / 64
            let landmark = version % 64 == 0 ? (number & (number - 1)) * 64 : number * 64
            #expect(links.skip == landmark * 3, "version \(version)")
            #expect(
                StreamEnd(version: version, lastEvent: id, position: end.position, landmarks: end.landmarks) == end)
        }
    }

    @Test func aLongStreamIsReadAtEveryVersion() throws {
        let database = try TestDatabase()
        let (a, b) = (try stream("a"), try stream("b"))
        var clock = Timestamp(microseconds: 0)
        var store = try PostgreSQLEventStore(database.string, clock: { .now() })
        for round in 0..<30 {
            // Opened anew, so that the landmarks come from the database.
            if round % 4 == 3 {
                try store.close()
                store = try PostgreSQLEventStore(database.string)
            }
            _ = try store.append([
                append((0..<30).map { _ in event() }, to: a), append([event()], to: b),
            ])
        }
        let records = try store.readStream(a, after: 0, limit: ReadLimit(events: 10_000)).events
        #expect(records.map(\.streamVersion) == Array(1...900))
        for version in stride(from: 0, through: 899, by: 7) {
            let slice = try store.readStream(a, after: UInt64(version), limit: ReadLimit(events: 3))
            #expect(slice.events == Array(records[version...].prefix(3)))
            #expect(slice.version == 900)
            clock = records[version].recordedAt
            let last = records.last { $0.recordedAt <= clock }?.streamVersion
            #expect(try store.version(of: a, at: clock) == last)
        }
        try store.close()
    }
}
