import Accounts
import EventSourcing
import JSON
import TestSupport
import Testing

@Suite struct AccountEventTests {
    static let written: [(AccountEvent, String, String)] = [
        (
            .opened(owner: "Alice", initialBalance: money("1000.00"), currency: .usd), "AccountOpened",
            #"{"owner":"Alice","initial_balance":"1000.00","currency":"USD"}"#
        ),
        (
            .opened(owner: "Å\"\\\n😀", initialBalance: money("0"), currency: currencies[0]), "AccountOpened",
            #"{"owner":"Å\"\\\n😀","initial_balance":"0","currency":"JPY"}"#
        ),
        (.deposited(amount: money("500.00")), "MoneyDeposited", #"{"amount":"500.00"}"#),
        (.deposited(amount: money("0.0001")), "MoneyDeposited", #"{"amount":"0.0001"}"#),
        (.withdrawn(amount: money("999999999999999")), "MoneyWithdrawn", #"{"amount":"999999999999999"}"#),
    ]

    @Test(arguments: written)
    func `An event has a fixed form and comes back from it`(_ event: AccountEvent, _ type: String, _ data: String)
        throws
    {
        #expect(event.type == type)
        #expect(StreamID.isValidEventType(event.type))
        #expect(event.schemaVersion == 2)
        #expect(text(event.encoded()) == data)
        #expect(try AccountEvent(type: type, schemaVersion: 2, data: Array(data.utf8)) == event)
        try JSONReader.validate(event.encoded(), requireObject: true)
    }

    @Test func `White space, escapes and order do not matter`() throws {
        let data = #" { "currency":"USD", "\u006fwner":"\u0041", "initial_balance" : "1.00" } "#
        #expect(
            try AccountEvent(type: "AccountOpened", schemaVersion: 2, data: Array(data.utf8))
                == .opened(owner: "A", initialBalance: money("1.00"), currency: .usd))
    }

    /// The very bytes that are written are read without the JSON reader; the same with a space is not.
    @Test func `The form in which a movement is written makes no difference`() {
        var texts = [
            "0", "-1", "1", "0.01", "-0.00", "00", "1.", ".1", "1.2.3", "--1", "1-", "", " 1", "1\\u0030", "é", "\"}",
        ]
        for digits in 0...4 {
            for units: Int64 in [0, 1, -1, 99, 100_000, 999_999_999_999_999, -999_999_999_999_999] {
                texts.append(Money(minorUnits: units, fractionDigits: digits)?.description ?? "")
            }
        }
        for text in texts {
            func read(_ data: String) -> AccountEvent? {
                try? AccountEvent(type: "MoneyDeposited", schemaVersion: 2, data: Array(data.utf8))
            }
            let plain = read(#"{"amount":"\#(text)"}"#)
            #expect(plain == read(#"{ "amount":"\#(text)"}"#), "\(text)")
            #expect((plain != nil) == (text == "1\\u0030" || Money(exactText: text) != nil), "\(text)")
        }
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "\"500.00\"", "{", #"{"amount":"500.00""#, #"{"amount":"500.00"}x"#,
        #"{"amount":"500.00"}{}"#, #"{"amount":"500.00",}"#, #"{"amount":500.00}"#, #"{"amount":500}"#,
        #"{"amount":null}"#, #"{"amount":""}"#, #"{"amount":"5e2"}"#, #"{"amount":"0500.00"}"#,
        #"{"amount":"+500.00"}"#,
        #"{"amount":" 500.00"}"#, #"{"amount":"500."}"#, #"{"amount":".50"}"#, #"{"amount":"1.00000"}"#,
        #"{"amount":"-0.00"}"#, #"{"amount":"10000000000000.00"}"#, #"{"amount":"NaN"}"#, #"{"Amount":"500.00"}"#,
        #"{"amount":"500.00","amount":"500.00"}"#, #"{"amount":"500.00","\u0061mount":"500.00"}"#,
        #"{"amount":"500.00","currency":"USD"}"#, #"{"amount":"500.00","":null}"#, "\u{FEFF}{\"amount\":\"500.00\"}",
    ])
    func `A movement in another form is refused`(_ data: String) throws {
        for type in ["MoneyDeposited", "MoneyWithdrawn"] {
            let error = #expect(throws: EventDecodingError.self) {
                try AccountEvent(type: type, schemaVersion: 2, data: Array(data.utf8))
            }
            #expect(error?.type == type)
            #expect(error?.schemaVersion == 2)
        }
    }

    @Test(arguments: [
        ("{}", "expected owner, initial_balance and currency"),
        (#"{"owner":"A","initial_balance":"1.00"}"#, "expected owner, initial_balance and currency"),
        (#"{"owner":"A","currency":"USD"}"#, "expected owner, initial_balance and currency"),
        (#"{"initial_balance":"1.00","currency":"USD"}"#, "expected owner, initial_balance and currency"),
        (#"{"owner":"A","initial_balance":"1.00","currency":"USD","x":1}"#, "in /x"),
        (#"{"owner":"A","initial_balance":"1.00","currency":"USD","owner":"A"}"#, "in /owner"),
        (#"{"owner":"A","initial_balance":"1.00","currency":"XXX"}"#, "in /currency"),
        (#"{"owner":"A","initial_balance":"1.00","currency":"usd"}"#, "in /currency"),
        (#"{"owner":"A","initial_balance":"1.0","currency":"USD"}"#, "2 fractional digits of USD, found 1.0"),
        (#"{"owner":"A","initial_balance":"1","currency":"USD"}"#, "2 fractional digits of USD, found 1"),
        (#"{"owner":"A","initial_balance":"1.00","currency":"JPY"}"#, "0 fractional digits of JPY, found 1.00"),
        (#"{"owner":"A","initial_balance":1.00,"currency":"USD"}"#, "in /initial_balance"),
        (#"{"owner":null,"initial_balance":"1.00","currency":"USD"}"#, "in /owner"),
    ])
    func `An opening in another form is refused, with the reason`(_ data: String, _ reason: String) {
        let error = #expect(throws: EventDecodingError.self) {
            try AccountEvent(type: "AccountOpened", schemaVersion: 2, data: Array(data.utf8))
        }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
    }

    @Test(arguments: [0, 3, 65_535] as [UInt16])
    func `Another schema version is refused by name`(_ version: UInt16) {
        for (event, type, _) in Self.written {
            let error = #expect(throws: EventDecodingError.self) {
                try AccountEvent(type: type, schemaVersion: version, data: event.encoded())
            }
            #expect(error?.schemaVersion == version)
            #expect(error?.reason.hasPrefix("this program knows versions 1 to 2 only") == true)
            #expect(error?.reason.contains("a newer program wrote it") == (version > 2))
        }
    }

    @Test(arguments: ["", "Deposit", "moneyDeposited", "AccountClosed", "MoneyDeposited "])
    func `Another type is refused`(_ type: String) {
        #expect(throws: EventDecodingError.self) {
            try AccountEvent(type: type, schemaVersion: 2, data: Array(#"{"amount":"1.00"}"#.utf8))
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `Any event comes back from its bytes`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let currency = currencies.randomElement(using: &generator)!
            let units = Int64.random(in: 0...Money.largestMinorUnits, using: &generator)
            let amount = try #require(Money(minorUnits: units, fractionDigits: currency.fractionDigits))
            var owner = ""
            for _ in 0..<Int.random(in: 1...30, using: &generator) {
                guard let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator)) else { continue }
                owner.unicodeScalars.append(scalar)
            }
            let events: [AccountEvent] = [
                .opened(owner: owner, initialBalance: amount, currency: currency), .deposited(amount: amount),
                .withdrawn(amount: amount),
            ]
            for event in events {
                let back = try AccountEvent(type: event.type, schemaVersion: event.schemaVersion, data: event.encoded())
                #expect(back == event)
                #expect(back.encoded() == event.encoded())
            }
        }
    }
}
