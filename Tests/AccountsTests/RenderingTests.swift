import Accounts
import EventSourcing
import JSON
import Testing

@Suite struct RenderingTests {
    static let stream = StreamID(category: Account.category, name: "acc-001")!

    static func rendered(_ revision: Revision<Account>) -> String {
        var writer = JSONWriter()
        revision.writeAccount(to: &writer)
        return text(writer.bytes)
    }

    @Test func `An account is rendered as the contract shows it`() throws {
        let history: [AccountEvent] = [
            .opened(owner: "Alice", initialBalance: money("1000.00"), currency: .usd),
            .deposited(amount: money("500.00")), .withdrawn(amount: money("200.00")),
        ]
        let revision = try Revision<Account>(
            of: Self.stream,
            folding: zip(history, 1...).map { event, version in record(event, of: Self.stream, version: UInt64(version))
            })
        #expect(
            Self.rendered(revision)
                == #"{"id":"acc-001","owner":"Alice","balance":1300.00,"version":3,"currency":"USD","status":"open","#
                + #""opened_at":"2026-01-02T03:04:05.678901Z","updated_at":"2026-01-02T03:04:05.678903Z","#
                + #""available":1300.00,"held":0.00}"#)
    }

    @Test(arguments: [
        ("JPY", "0", "0"), ("USD", "0.05", "0.05"), ("BHD", "1.000", "1.000"), ("CLF", "12.3400", "12.3400"),
    ])
    func `A balance has the digits of its currency`(_ code: String, _ balance: String, _ rendered: String) throws {
        let event = AccountEvent.opened(
            owner: "\"\u{1}é", initialBalance: money(balance), currency: try #require(Currency(code)))
        let revision = try Revision<Account>(of: Self.stream, folding: [record(event, of: Self.stream, version: 1)])
        #expect(
            Self.rendered(revision)
                == #"{"id":"acc-001","owner":"\"\u0001é","balance":\#(rendered),"version":1,"currency":"\#(code)","#
                + #""status":"open","opened_at":"2026-01-02T03:04:05.678901Z","updated_at":"2026-01-02T03:04:05.678901Z","#
                + #""available":\#(rendered),"held":\#(Money.zero(in: try #require(Currency(code))))}"#)
    }

    @Test func `An account that does not exist is still JSON`() throws {
        try JSONReader.validate(Array(Self.rendered(Revision(of: Self.stream)).utf8), requireObject: true)
    }

    static let events: [(AccountEvent, String)] = [
        (
            .opened(owner: "Alice", initialBalance: money("1000.00"), currency: .usd),
            #""owner":"Alice","initial_balance":1000.00,"currency":"USD""#
        ),
        (.deposited(amount: money("500.00")), #""amount":500.00"#), (.withdrawn(amount: money("5")), #""amount":5"#),
    ]

    @Test(arguments: events)
    func `A recorded event is rendered flat, with its account where that is wanted`(
        _ event: AccountEvent, _ fields: String
    ) throws {
        let record = record(event, of: Self.stream, version: 2, position: 41)
        let tail =
            #""version":2,"position":41,"id":"01980000-0000-7000-8000-000000000002","time":"2026-01-02T03:04:05.678902Z"}"#
        var writer = JSONWriter()
        try AccountEvent.write(record, to: &writer)
        #expect(text(writer.bytes) == #"{"type":"\#(event.type)",\#(fields),\#(tail)"#)
        var whole = JSONWriter()
        try AccountEvent.write(record, includingAccount: true, to: &whole)
        #expect(text(whole.bytes) == #"{"type":"\#(event.type)","account":"acc-001",\#(fields),\#(tail)"#)
    }

    @Test func `A record that is no event of an account writes nothing`() {
        let good = record(.deposited(amount: money("1.00")), of: Self.stream, version: 1)
        let bad = RecordedEvent(
            position: 1, stream: Self.stream, streamVersion: 1, recordedAt: good.recordedAt,
            event: NewEvent(id: good.event.id, type: "Other", schemaVersion: 2, data: good.event.data), hash: good.hash)
        var writer = JSONWriter()
        writer.beginArray()
        #expect(throws: EventDecodingError.self) { try AccountEvent.write(bad, to: &writer) }
        #expect(writer.bytes == Array("[".utf8))
    }

    @Test func `Events follow each other in an array`() throws {
        var writer = JSONWriter()
        writer.beginArray()
        for version: UInt64 in 1...3 {
            try AccountEvent.write(
                record(.deposited(amount: money("1.00")), of: Self.stream, version: version), to: &writer)
        }
        writer.endArray()
        var reader = JSONReader(writer.bytes)
        var count = 0
        try reader.readArray { reader throws(JSONError) in
            try reader.skipValue()
            count += 1
        }
        try reader.finish()
        #expect(count == 3)
    }
}
