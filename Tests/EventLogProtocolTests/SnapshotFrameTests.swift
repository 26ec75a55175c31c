import EventLogProtocol
import EventSourcing
import Testing

/// The frames that snapshots and loading came with, damaged in every place.
@Suite struct SnapshotFrameTests {
    private let stream = StreamID(category: "account", name: "acc-001")!
    private let logID = UniqueID(high: 3, low: 4)
    private let fingerprint = Digest256(4, 3, 2, 1)

    private func snapshot(version: UInt64 = 7, state: [UInt8] = [0, 1, 255]) -> Snapshot {
        Snapshot(
            stream: stream, version: version, lastEvent: UniqueID(high: 8, low: 9),
            createdAt: Timestamp(microseconds: -1), updatedAt: Timestamp(microseconds: 2), fingerprint: fingerprint,
            state: state)
    }

    private var requests: [LogRequest] {
        [
            .keepSnapshot(snapshot()), .dropSnapshot(of: stream, fingerprint: fingerprint, version: 7),
            .loadStream(stream, fingerprint: fingerprint, upTo: 9, limit: ReadLimit(events: 10, bytes: 1000)),
            .streamVersion(of: stream, at: Timestamp(microseconds: 5)),
        ]
    }

    private var replies: [LogReply] {
        var log = ModelLog(id: 9)
        for _ in 0..<4 { log.append() }
        let slice = StreamSlice(events: log.records.filter { $0.stream == log.records[0].stream }, version: 2)
        return [
            .snapshot(isKept: true), .streamVersion(7), .loaded(LoadedStream(snapshot: nil, slice: slice)),
            .loaded(LoadedStream(snapshot: snapshot(), slice: slice)),
        ]
    }

    private func request(in bytes: [UInt8]) throws -> (LogRequest, number: UInt64) {
        try bytes.withUnsafeBytes { (frame) throws -> (LogRequest, number: UInt64) in try LogRequest.decode(frame) }
    }

    private func reply(in bytes: [UInt8]) throws -> (LogReply, number: UInt64) {
        try bytes.withUnsafeBytes { (frame) throws -> (LogReply, number: UInt64) in try LogReply.decode(frame) }
    }

    /// Gives `body` every frame that differs from `bytes` in one byte, by each of a few changes.
    private func forEachDamage(to bytes: [UInt8], _ body: ([UInt8], _ offset: Int) throws -> Void) rethrows {
        for offset in bytes.indices {
            for change in [0x01, 0x20, 0x80, 0xFF] as [UInt8] {
                var damaged = bytes
                damaged[offset] ^= change
                try body(damaged, offset)
            }
        }
    }

    @Test func `a damaged request is malformed, or another request that is written just so`() {
        for request in requests {
            let bytes = request.encoded(number: 1)
            forEachDamage(to: bytes) { damaged, offset in
                do {
                    let (read, number) = try self.request(in: damaged)
                    #expect(read != request || number != 1, "byte \(offset) of \(request.kind) says nothing")
                    #expect(read.encoded(number: number) == damaged)
                } catch {
                    #expect(error is MalformedFrame)
                }
            }
        }
    }

    @Test func `a damaged reply is malformed, or another reply`() {
        for reply in replies {
            let bytes = reply.encoded(number: 1, logID: logID)
            var accepted = 0
            forEachDamage(to: bytes) { damaged, _ in
                do {
                    _ = try self.reply(in: damaged)
                    accepted += 1
                } catch {
                    #expect(error is MalformedFrame)
                }
            }
            #expect(accepted > 0)
        }
    }

    @Test func `a snapshot of version 0 is malformed`() {
        #expect(throws: MalformedFrame.self) {
            _ = try request(in: LogRequest.keepSnapshot(snapshot(version: 0)).encoded(number: 1))
        }
    }

    @Test func `the longest state travels, a longer one is malformed`() throws {
        for (extra, isTaken) in [(0, true), (1, false)] {
            let state = [UInt8](repeating: 7, count: Snapshot.longestState + extra)
            let frames = (
                LogRequest.keepSnapshot(snapshot(state: state)).encoded(number: 1),
                LogReply.loaded(
                    LoadedStream(snapshot: snapshot(state: state), slice: StreamSlice(events: [], version: 7))
                ).encoded(number: 1, logID: logID)
            )
            if isTaken {
                #expect(try request(in: frames.0).0 == .keepSnapshot(snapshot(state: state)))
                #expect(throws: Never.self) { try reply(in: frames.1) }
            } else {
                #expect(throws: MalformedFrame.self) { try request(in: frames.0) }
                #expect(throws: MalformedFrame.self) { try reply(in: frames.1) }
            }
        }
    }

    @Test func `a load that may return nothing is malformed`() throws {
        let limit = ReadLimit(events: 1, bytes: 1)
        let bytes = LogRequest.loadStream(stream, fingerprint: fingerprint, upTo: 1, limit: limit).encoded(number: 1)
        for field in [bytes.count - 8..<bytes.count - 4, bytes.count - 4..<bytes.count] {
            var without = bytes
            without.replaceSubrange(field, with: [0, 0, 0, 0])
            #expect(throws: MalformedFrame.self) { try request(in: without) }
        }
    }
}
