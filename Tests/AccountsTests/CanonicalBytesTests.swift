import Accounts
import Testing

@Suite struct CanonicalBytesTests {
    static func canonical(_ body: String) throws -> String {
        text(try AccountCommand.parse(Array(body.utf8)).canonicalBytes)
    }

    /// These very bytes: fingerprints made of them are on record.
    @Test func `The form is fixed`() throws {
        #expect(try Self.canonical(#"{"type":"Deposit","amount":500.0}"#) == #"{"type":"Deposit","amount":"500"}"#)
        #expect(try Self.canonical(#"{"type":"Withdraw","amount":5e-2}"#) == #"{"type":"Withdraw","amount":"0.05"}"#)
        #expect(
            try Self.canonical(#"{"type":"OpenAccount","owner":"A\u00e9\"","initial_balance":"0.10","currency":"EUR"}"#)
                == #"{"type":"OpenAccount","owner":"Aé\"","initial_balance":"0.1","currency":"EUR"}"#)
    }

    @Test(arguments: [
        [
            #"{"type":"Deposit","amount":500}"#, #"{"amount":500.0,"type":"Deposit"}"#,
            #" { "type" : "Deposit" , "amount" : "500.00" } "#, #"{"type":"Deposit","amount":5e2}"#,
            #"{"type":"\u0044eposit","amount":"\u0035\u0030\u0030"}"#, #"{"type":"Deposit","amount":50000e-2}"#,
        ],
        [
            #"{"type":"OpenAccount","owner":"é","initial_balance":0}"#,
            #"{"currency":"USD","initial_balance":-0.00,"owner":"\u00e9","type":"OpenAccount"}"#,
        ],
    ])
    func `Ways to say the same give the same bytes`(_ bodies: [String]) throws {
        #expect(Set(try bodies.map(Self.canonical)).count == 1)
    }

    @Test func `Different commands give different bytes`() throws {
        let bodies = [
            #"{"type":"Deposit","amount":500}"#, #"{"type":"Withdraw","amount":500}"#,
            #"{"type":"Deposit","amount":50}"#,
            #"{"type":"Deposit","amount":5000}"#, #"{"type":"Deposit","amount":500.01}"#,
            #"{"type":"Deposit","amount":500.0001}"#, #"{"type":"OpenAccount","owner":"A","initial_balance":500}"#,
            #"{"type":"OpenAccount","owner":"a","initial_balance":500}"#,
            #"{"type":"OpenAccount","owner":"A ","initial_balance":500}"#,
            #"{"type":"OpenAccount","owner":"A","initial_balance":501}"#,
            #"{"type":"OpenAccount","owner":"A","initial_balance":500,"currency":"EUR"}"#,
            #"{"type":"OpenAccount","owner":"A\",\"initial_balance\":\"500","initial_balance":500}"#,
            // The same to Swift, but not as given.
            #"{"type":"OpenAccount","owner":"\u00e9","initial_balance":500}"#,
            #"{"type":"OpenAccount","owner":"e\u0301","initial_balance":500}"#,
        ]
        #expect(Set(try bodies.map { Array(try Self.canonical($0).utf8) }).count == bodies.count)
    }

    @Test func `The form is a command itself, and its own form`() throws {
        for (_, command) in CommandParsingTests.accepted {
            let bytes = command.canonicalBytes
            #expect(try AccountCommand.parse(bytes) == command)
            #expect(try AccountCommand.parse(bytes).canonicalBytes == bytes)
        }
    }
}
