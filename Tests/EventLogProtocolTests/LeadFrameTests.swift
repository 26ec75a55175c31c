import EventSourcing
import Testing

@testable import EventLogProtocol

/// How frames say which lead of the log they are from. The bytes are those of section 7.1 of the specification.
@Suite struct LeadFrameTests {
    private let logID = UniqueID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F)
    private let head = LogHead(
        position: 1,
        hash: Digest256(0xF667_8068_47FD_0737, 0x441C_A7E0_1C1C_DF9A, 0x17A1_5D0E_0887_159E, 0x252B_EEED_7B3E_00EC),
        recordedAt: Timestamp(microseconds: 1_767_323_045_678_901))
    private static let idAndHead = """
        000102030405060708090a0b0c0d0e0f0000000000000001f667806847fd0737441ca7e01c1cdf9a17a15d0e0887159e252beeed7b3e00ec\
        0006475ef6574f35
        """

    private func status(_ epoch: UInt64) -> LogStatus { LogStatus(logID: logID, head: head, epoch: epoch) }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    private func decode(_ bytes: [UInt8]) throws -> LogReply {
        try bytes.withUnsafeBytes { (frame) throws -> LogReply in try LogReply.decode(frame).0 }
    }

    private func heartbeat(_ epoch: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: RecordHeader.size)
        bytes.withUnsafeMutableBytes { RecordHeader(heartbeatOf: logID, at: head, epoch: epoch).write(to: $0) }
        return bytes
    }

    @Test func `a heartbeat has the epoch where an event has its version`() {
        #expect(
            hexadecimal(heartbeat(5)) == """
                44424b3102000000000102030405060708090a0b0c0d0e0f00000000000000010000000000000005\
                000000000000000000000000000000000000000000000000\
                f667806847fd0737441ca7e01c1cdf9a17a15d0e0887159e252beeed7b3e00ec
                """)
        for (epoch, isRight) in [(0, true), (5, true), (RecordedEvent.maxOrdinal, true), (1 << 63, false)] {
            let header = heartbeat(epoch).withUnsafeBytes { RecordHeader($0) }
            #expect(header?.streamVersion == (isRight ? epoch : nil))
        }
    }

    @Test func `a status has the epoch after the head, and a flag that says so`() throws {
        let bytes = LogReply.status(status(5)).encoded(number: 7, logID: logID)
        #expect(
            hexadecimal(bytes) == "44424b31a20100000000000000000007" + Self.idAndHead + "0000000000000005")
        #expect(try decode(bytes) == .status(status(5)))
    }

    @Test func `a log that counts no leads sends what it sent before there were any`() throws {
        let bytes = LogReply.status(status(0)).encoded(number: 7, logID: logID)
        #expect(hexadecimal(bytes) == "44424b31a20000000000000000000007" + Self.idAndHead)
        #expect(try decode(bytes) == .status(status(0)))
        let page = LogReply.log(LogPage(status: status(0), records: [])).encoded(number: 7, logID: logID)
        #expect(hexadecimal(page) == "44424b31a00000000000000000000007" + Self.idAndHead + "00000000")
        #expect(heartbeat(0)[32..<64].allSatisfy { $0 == 0 })
    }

    @Test func `an epoch without the flag, a flag without the epoch, and an epoch of 0 are malformed`() {
        let with = LogReply.status(status(5)).encoded(number: 7, logID: logID)
        let without = LogReply.status(status(0)).encoded(number: 7, logID: logID)
        func flagged(_ bytes: [UInt8], _ flags: UInt8) -> [UInt8] { bytes[..<5] + [flags] + bytes[6...] }
        let zero = with.dropLast(8) + [UInt8](repeating: 0, count: 8)
        let beyond = with.dropLast(8) + [0x80, 0, 0, 0, 0, 0, 0, 0]
        for bytes in [
            flagged(with, 0), flagged(without, 1), flagged(with, 2), flagged(with, 3), Array(zero), Array(beyond),
        ] {
            #expect(throws: MalformedFrame.self, "\(hexadecimal(bytes))") { _ = try decode(bytes) }
        }
    }

    @Test func `no other frame has the flag`() {
        let replies: [LogReply] = [
            .append(.keyReused), .stream(StreamSlice(events: [], version: 0)), .outcome(nil), .snapshot(isKept: true),
            .loaded(LoadedStream(snapshot: nil, slice: StreamSlice(events: [], version: 0))), .streamVersion(0),
            .refusal(LogRefusal(.notLeader, "")),
        ]
        for reply in replies {
            var bytes = reply.encoded(number: 7, logID: logID)
            bytes[5] = 1
            #expect(throws: MalformedFrame.self, "\(reply)") { _ = try decode(bytes) }
        }
        var request = LogRequest.status.encoded(number: 7)
        request[5] = 1
        #expect(throws: MalformedFrame.self) {
            try request.withUnsafeBytes { (frame) throws -> Void in _ = try LogRequest.decode(frame) }
        }
    }

    @Test func `a refusal of a log that does not lead has the code 6`() throws {
        let bytes = LogReply.refusal(LogRefusal(.notLeader, "no")).encoded(number: 7, logID: logID)
        #expect(hexadecimal(bytes) == "44424b31ff000000000000000000000706" + "0002" + "6e6f")
        #expect(try decode(bytes) == .refusal(LogRefusal(.notLeader, "no")))
    }

    /// Also a page whose epoch comes, goes or changes while it is written, so that it grows or shrinks in front of its records.
    @Test(arguments: [0, 5] as [UInt64], [0, 5, 6] as [UInt64])
    func `a page that is written as its records come has the epoch`(old: UInt64, new: UInt64) throws {
        var log = ModelLog()
        log.append(records: 2)
        var page = LogPageWriter(number: 9, status: LogStatus(logID: log.logID, head: head, epoch: old))
        for record in log.records { record.withView(in: log.logID) { page.add($0) } }
        let status = LogStatus(logID: log.logID, head: log.head, epoch: new)
        let values = LogReply.log(LogPage(status: status, records: log.records))
        let written = page.frame(status: status)
        #expect(written == values.encoded(number: 9, logID: log.logID))
        #expect(try decode(written) == values)
    }
}
