import EventLogProtocol
import EventSourcing
import Testing

/// Frames of the right form with values that nothing can have: they are malformed, wherever such a value stands.
@Suite struct HostileFrameTests {
    private let stream = StreamID(category: "account", name: "a")!
    private let logID = UniqueID(high: 3, low: 4)
    private static let places = [UInt64(1) << 63, .max]
    private static let times = [
        Int64.min, Timestamp.earliest.microseconds - 1, Timestamp.latest.microseconds + 1, .max,
    ]

    /// A frame in which a number that stands in it once was replaced.
    private func frame(_ bytes: [UInt8], replacing old: UInt64, by new: UInt64) throws -> [UInt8] {
        func bigEndian(_ value: UInt64) -> [UInt8] { (0..<8).reversed().map { UInt8(value >> ($0 * 8) & 0xFF) } }
        let place = try #require(bytes.firstRange(of: bigEndian(old)))
        #expect(bytes[place.upperBound...].firstRange(of: bigEndian(old)) == nil)
        return bytes[..<place.lowerBound] + bigEndian(new) + bytes[place.upperBound...]
    }

    private func isRead(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            do {
                _ = try LogReply.decode(bytes)
                return true
            } catch {
                return false
            }
        }
    }

    private func isReadAsRequest(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            do {
                _ = try LogRequest.decode(bytes)
                return true
            } catch {
                return false
            }
        }
    }

    private let place: UInt64 = 0x0102_0304_0506_0708
    private let time = Timestamp(microseconds: 0x0000_1112_1314_1516)

    private func record(position: UInt64 = 9, version: UInt64 = 9, time: Timestamp) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, streamVersion: version, recordedAt: time,
            event: NewEvent(id: UniqueID(high: 1, low: 2), type: "Happened", schemaVersion: 1, data: []),
            hash: Digest256(5, 6, 7, 8))
    }

    @Test(arguments: places) func `no reply has a position or a version beyond 2^63 - 1`(value: UInt64) throws {
        let hash = Digest256(1, 1, 1, 1)
        let replies: [LogReply] = [
            .append(.committed(Commit(position: place, recordedAt: time, streamVersions: [1]))),
            .append(.committed(Commit(position: 1, recordedAt: time, streamVersions: [1, place, 2]))),
            .append(.conflict(AppendConflict([StreamConflict(write: 0, stream: stream, actual: place, missed: [])]))),
            .status(LogStatus(logID: logID, head: LogHead(position: place, hash: hash, recordedAt: time))),
            .stream(StreamSlice(events: [], version: place)), .streamVersion(place),
            .stream(StreamSlice(events: [record(position: place, time: time)], version: 9)),
            .stream(StreamSlice(events: [record(version: place, time: time)], version: 9)),
            .loaded(LoadedStream(snapshot: nil, slice: StreamSlice(events: [], version: place))),
            .loaded(LoadedStream(snapshot: snapshot(version: place), slice: StreamSlice(events: [], version: 3))),
        ]
        for reply in replies {
            let bytes = reply.encoded(number: 1, logID: logID)
            #expect(isRead(bytes))
            #expect(!isRead(try frame(bytes, replacing: place, by: value)), "\(reply)")
            #expect(isRead(try frame(bytes, replacing: place, by: RecordedEvent.maxOrdinal)))
        }
    }

    @Test(arguments: times) func `no reply has a time beyond the years 0000 to 9999`(value: Int64) throws {
        let hash = Digest256(1, 1, 1, 1)
        let replies: [LogReply] = [
            .append(.committed(Commit(position: 1, recordedAt: time, streamVersions: [1]))),
            .status(LogStatus(logID: logID, head: LogHead(position: 1, hash: hash, recordedAt: time))),
            .stream(StreamSlice(events: [record(time: time)], version: 9)),
            .loaded(LoadedStream(snapshot: snapshot(createdAt: time), slice: StreamSlice(events: [], version: 3))),
            .loaded(LoadedStream(snapshot: snapshot(updatedAt: time), slice: StreamSlice(events: [], version: 3))),
        ]
        for reply in replies {
            let bytes = reply.encoded(number: 1, logID: logID)
            #expect(isRead(bytes))
            let old = UInt64(bitPattern: time.microseconds)
            #expect(!isRead(try frame(bytes, replacing: old, by: UInt64(bitPattern: value))), "\(reply)")
        }
    }

    @Test(arguments: times) func `no request has a time beyond the years 0000 to 9999`(value: Int64) throws {
        for request in [
            LogRequest.streamVersion(of: stream, at: time), .keepSnapshot(snapshot(createdAt: time)),
            .keepSnapshot(snapshot(updatedAt: time)),
        ] {
            let bytes = request.encoded(number: 1)
            #expect(isReadAsRequest(bytes))
            let old = UInt64(bitPattern: time.microseconds)
            #expect(!isReadAsRequest(try frame(bytes, replacing: old, by: UInt64(bitPattern: value))), "\(request)")
        }
    }

    @Test(arguments: places + [0]) func `no snapshot is of a version that no stream has`(value: UInt64) throws {
        let bytes = LogRequest.keepSnapshot(snapshot(version: place)).encoded(number: 1)
        #expect(isReadAsRequest(bytes))
        #expect(!isReadAsRequest(try frame(bytes, replacing: place, by: value)))
    }

    @Test(arguments: [0, 1 << 63, .max] as [UInt64]) func `no event stands at a place that there is not`(value: UInt64)
    {
        for (position, version) in [(value, 1), (1, value)] {
            let header = RecordHeader(
                schemaVersion: 1, logID: logID, position: position, streamVersion: version, recordedAt: time,
                eventID: UniqueID(high: 1, low: 2), hash: Digest256(1, 2, 3, 4))
            var bytes = [UInt8](repeating: 0, count: RecordHeader.size)
            bytes.withUnsafeMutableBytes { header.write(to: $0) }
            #expect(bytes.withUnsafeBytes { RecordHeader($0) } == nil)
        }
    }

    @Test func `a reason longer than any that is written is malformed`() throws {
        let reply = LogReply.refusal(LogRefusal(.failed, String(repeating: "x", count: 1000)))
        var bytes = reply.encoded(number: 1, logID: logID)
        #expect(isRead(bytes))
        let length = bytes.count - 1002
        bytes.append(UInt8(ascii: "x"))
        bytes[length...(length + 1)] = [0x03, 0xE9]
        #expect(!isRead(bytes))
    }

    private func snapshot(
        version: UInt64 = 7, createdAt: Timestamp = Timestamp(microseconds: 1),
        updatedAt: Timestamp = Timestamp(microseconds: 2)
    ) -> Snapshot {
        Snapshot(
            stream: stream, version: version, lastEvent: UniqueID(high: 8, low: 9), createdAt: createdAt,
            updatedAt: updatedAt, fingerprint: Digest256(4, 3, 2, 1), state: [1])
    }
}
