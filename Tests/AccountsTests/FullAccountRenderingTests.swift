import Accounts
import EventSourcing
import JSON
import Testing

/// An account that has all that an account can have, and its events.
@Suite struct FullAccountRenderingTests {
    private static func rendered(
        _ ledger: TestLedger, _ name: String, at time: Timestamp? = nil, transfer: UniqueID? = nil
    ) -> String {
        var writer = JSONWriter()
        ledger.revision(name).writeAccount(to: &writer, at: time, transfer: transfer)
        return text(writer.bytes)
    }

    private static let head =
        #"{"id":"a","owner":"a","balance":90.00,"version":6,"currency":"USD","status":"frozen","#
        + #""opened_at":"2026-01-02T03:04:05.000000Z","updated_at":"2026-01-02T03:04:05.000000Z","#

    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100", overdraft: "20", maximum: "500")
        try ledger.open("b", "0")
        try ledger.execute(.placeHold(hold: hold("h"), amount: number("30"), expiry: .after(seconds: 60)), on: "a")
        try ledger.execute(.placeHold(hold: hold("g"), amount: number("5")), on: "a")
        try ledger.execute(.placeHold(hold: hold("c"), amount: number("10")), on: "a")
        try ledger.execute(.captureHold(hold: hold("c"), to: TestLedger.stream("b")), on: "a")
        try ledger.execute(.freeze(direction: .debits, reason: "audit"), on: "a")
        return ledger
    }

    private static let tail =
        #""overdraft":20.00,"maximum_balance":500.00,"#
        + #""frozen":{"direction":"debits","reason":"audit"},"#

    @Test func `an account shows what it has, as of its last event`() throws {
        let ledger = try Self.ledger()
        #expect(
            Self.rendered(ledger, "a")
                == Self.head + #""available":75.00,"held":35.00,"# + Self.tail
                + #""holds":[{"hold":"h","amount":30.00,"expires_at":"2026-01-02T03:05:05.000000Z"},"#
                + #"{"hold":"g","amount":5.00}]}"#)
    }

    @Test func `an account is seen at a time, and with the transfer that led to it`() throws {
        var ledger = try Self.ledger()
        ledger.wait(60)
        let transfer = UniqueID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0001)
        #expect(
            Self.rendered(ledger, "a", at: ledger.time, transfer: transfer)
                == Self.head + #""available":105.00,"held":5.00,"# + Self.tail
                + #""holds":[{"hold":"g","amount":5.00}],"transfer":"01980000-0000-7000-8000-000000000001"}"#)
    }

    @Test func `a closed account shows when it was closed`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0")
        try ledger.execute(.freeze(direction: .all, reason: "r"), on: "a")
        ledger.wait(1)
        try ledger.execute(.close(reason: "r"), on: "a")
        #expect(
            Self.rendered(ledger, "a")
                == #"{"id":"a","owner":"a","balance":0.00,"version":3,"currency":"USD","status":"closed","#
                + #""opened_at":"2026-01-02T03:04:05.000000Z","updated_at":"2026-01-02T03:04:06.000000Z","#
                + #""closed_at":"2026-01-02T03:04:06.000000Z","available":0.00,"held":0.00,"#
                + #""frozen":{"direction":"all","reason":"r"}}"#)
    }

    @Test func `at most 100 holds are shown, oldest first`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "1000")
        for index in 0..<120 {
            try ledger.execute(
                .placeHold(hold: hold("h\(index)"), amount: number("1"), expiry: index < 10 ? .after(seconds: 1) : nil),
                on: "a")
        }
        ledger.wait(1)
        let shown = Self.rendered(ledger, "a", at: ledger.time)
        #expect(shown.split(separator: #"{"hold":"#).count == 101)
        #expect(shown.contains(#""holds":[{"hold":"h10""#))
        #expect(shown.contains(#""held":110.00"#))
    }

    @Test func `an event shows its own members, with amounts as they are asked for`() throws {
        let ledger = try Self.ledger()
        var writer = JSONWriter()
        let record = try #require(ledger.histories["b"]?.last)
        try AccountEvent.write(record, to: &writer, amounts: .string)
        #expect(
            text(writer.bytes)
                == #"{"type":"MoneyReceived","amount":"10.00","from":"a","#
                + #""transfer":"01980000-0000-7000-8000-000000000006","counterparty_version":5,"hold":"c","#
                + #""version":2,"position":7,"id":"\#(record.event.id)","time":"2026-01-02T03:04:05.000000Z"}"#)
        var limits = JSONWriter()
        let event = AccountEvent.limitsSet(overdraft: .removed, maximumBalance: .set(money("5.00")))
        try AccountEvent.write(AccountsTests.record(event, of: TestLedger.stream("a"), version: 1), to: &limits)
        #expect(text(limits.bytes).hasPrefix(#"{"type":"LimitsSet","overdraft":null,"maximum_balance":5.00,"version""#))
    }

    static let metadata: [(String, String)] = [
        ("", ""), ("{}", ""), (#"{"actor":"op-1"}"#, #""actor":"op-1","#),
        (
            #"{"trace_id":"0af7","x":[1],"causation_id":"c\n","correlation_id":"é"}"#,
            #""correlation_id":"é","causation_id":"c\n","trace_id":"0af7","#
        ),
        (#"{"actor":null,"correlation_id":{"actor":"a"},"causation_id":7,"trace_id":["t"]}"#, ""),
        // Not to be read at all.
        (#"{"actor":"a","actor":"b"}"#, ""), (#"{"actor":"a"}x"#, ""), (#"{"actor":"a""#, ""), ("[]", ""),
        ("\u{1}", ""), (#"{"actor":"\ud800"}"#, ""),
    ]

    @Test(arguments: metadata)
    func `an event shows who caused it; other metadata is ignored`(_ metadata: String, _ shown: String) throws {
        let plain = record(.closed(reason: "r"), of: TestLedger.stream("a"), version: 3)
        let event = NewEvent(
            id: plain.event.id, type: plain.type, schemaVersion: 2, metadata: Array(metadata.utf8),
            data: plain.event.data)
        let record = RecordedEvent(
            position: 9, stream: plain.stream, streamVersion: 3, recordedAt: plain.recordedAt, event: event,
            hash: plain.hash)
        var writer = JSONWriter()
        try AccountEvent.write(record, to: &writer)
        #expect(text(writer.bytes).hasPrefix(#"{"type":"AccountClosed","reason":"r",\#(shown)"version":3,"#))
        try JSONReader.validate(writer.bytes, requireObject: true)
    }
}
