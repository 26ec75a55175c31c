import Accounts
import JSON
import TestSupport
import Testing

@Suite struct CommandParsingTests {
    static func parse(_ body: String, besides others: Set<String> = []) throws(CommandParsingError) -> AccountCommand {
        try AccountCommand.parse(Array(body.utf8)) { name, _ throws(JSONError) in others.contains(name) }
    }

    /// The problems as `pointer: detail`; empty where the body is a command.
    static func problems(_ body: String) -> [String] {
        do {
            _ = try parse(body)
            return []
        } catch {
            switch error {
            case .invalidCommand(let problems): return problems.map(\.description)
            case .malformedJSON(let detail): return ["malformed \(detail)"]
            case .amountOutOfRange(let problem): return ["out of range \(problem)"]
            }
        }
    }

    static let accepted: [(String, AccountCommand)] = [
        (
            #"{"type":"OpenAccount","owner":"Alice","initial_balance":1000.00}"#,
            .open(owner: "Alice", initialBalance: number("1000"), currency: .usd)
        ),
        (
            #" { "currency" : "JPY" , "initial_balance" : "0" , "owner" : "Åsa \ud83d\ude00\n" , "type" : "OpenAccount" } "#,
            .open(owner: "Åsa 😀\n", initialBalance: number("0"), currency: Currency("JPY")!)
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":-0.0,"currency":"BHD"}"#,
            .open(owner: "A", initialBalance: number("0"), currency: Currency("BHD")!)
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":9999999999999.99}"#,
            .open(owner: "A", initialBalance: number("9999999999999.99"), currency: .usd)
        ),
        (#"{"type":"Deposit","amount":500}"#, .deposit(amount: number("500"))),
        (#"{"type":"Deposit","amount":500.0}"#, .deposit(amount: number("500"))),
        (#"{"type":"Deposit","amount":5e2}"#, .deposit(amount: number("500"))),
        (#"{"type":"Deposit","amount":"500.00"}"#, .deposit(amount: number("500"))),
        (#"{"type":"Deposit","amount":"\u0035e2"}"#, .deposit(amount: number("500"))),
        (#"{"amount":0.0001,"type":"Deposit"}"#, .deposit(amount: number("0.0001"))),
        (#"{"type":"Withdraw","amount":"0.01"}"#, .withdraw(amount: number("0.01"))),
        (#"{"\u0074ype":"\u0057ithdraw","\u0061mount":1}"#, .withdraw(amount: number("1"))),
    ]

    @Test(arguments: accepted) func `A command is read`(_ body: String, _ expected: AccountCommand) throws {
        #expect(try Self.parse(body) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "{}x", "nul", "{'type':'Deposit'}", #"{"type":"Deposit","amount":05}"#,
        #"{"type":"Deposit","amount":+5}"#, #"{"type":"Deposit","amount":5.}"#, #"{"type":"Deposit","amount":.5}"#,
        #"{"type":"Deposit","amount":NaN}"#, #"{"type":"Deposit","amount":Infinity}"#,
        #"{"type":"Deposit","amount":-Infinity}"#, #"{"type":"Deposit","amount":0x10}"#,
        #"{"type":"Deposit","amount":500,}"#, #"{"type":"Deposit" "amount":500}"#, #"{"type":"Dep\ud800osit"}"#,
        "\u{FEFF}{\"type\":\"Deposit\",\"amount\":1}", String(repeating: "[", count: 60_000),
        #"{"amount":"# + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}",
        // Broken at the end, after much else that is wrong: still no JSON.
        #"{"type":1,"x":1,"x":2,"amount":-5"#,
    ])
    func `What is not JSON is malformed`(_ body: String) {
        #expect(throws: CommandParsingError.self) { try Self.parse(body) }
        #expect(Self.problems(body).first?.hasPrefix("malformed ") == true)
        #expect(Self.problems(body).first?.contains(" at byte ") == true)
    }

    @Test func `Bytes that are not UTF-8 are malformed`() {
        let body = Array(#"{"type":"Deposit","amount":""#.utf8) + [0xC0, 0x80] + Array("\"}".utf8)
        #expect(throws: CommandParsingError.malformedJSON(detail: "a byte that is not UTF-8 at byte 28")) {
            try AccountCommand.parse(body)
        }
    }

    static let types =
        "expected one of OpenAccount, Deposit, Withdraw, Transfer, PlaceHold, CaptureHold, ReleaseHold, SetLimits, "
        + "Freeze, Unfreeze, Close, Reverse"
    static let details = "reference, description, effective_at"

    static let invalid: [(String, [String])] = [
        ("[]", ["expected an object, found an array"]), ("null", ["expected an object, found null"]),
        ("\"Deposit\"", ["expected an object, found a string"]), ("5", ["expected an object, found a number"]),
        ("{}", ["/type: \(types), found nothing"]),
        (#"{"type":null}"#, ["/type: \(types), found null"]),
        (#"{"type":["Deposit"]}"#, ["/type: \(types), found an array"]),
        (#"{"type":"deposit","amount":1}"#, [#"/type: \#(types), found the string "deposit""#]),
        (
            #"{"type":"Deposit"}"#,
            ["/amount: expected an amount greater than 0, as a number or a string, found nothing"]
        ),
        (
            #"{"type":"Withdraw","amount":null}"#,
            ["/amount: expected an amount greater than 0, as a number or a string, found null"]
        ),
        (
            #"{"type":"Withdraw","amount":{"value":1,"value":2}}"#,
            ["/amount: expected an amount greater than 0, as a number or a string, found an object"]
        ),
        (
            #"{"type":"Deposit","amount":true}"#,
            ["/amount: expected an amount greater than 0, as a number or a string, found a boolean"]
        ),
        (#"{"type":"Deposit","amount":0}"#, ["/amount: expected an amount greater than 0, found 0"]),
        (#"{"type":"Deposit","amount":"-0.00"}"#, ["/amount: expected an amount greater than 0, found 0"]),
        (#"{"type":"Withdraw","amount":-5e1}"#, ["/amount: expected an amount greater than 0, found -50"]),
        (#"{"type":"Deposit","amount":0.00001}"#, ["/amount: no currency has more than 4 fractional digits"]),
        (
            #"{"type":"OpenAccount"}"#,
            [
                "/owner: expected a string of 1 to 256 characters, found nothing",
                "/initial_balance: expected an amount of 0 or more, as a number or a string, found nothing",
            ]
        ),
        (
            #"{"type":"OpenAccount","owner":"","initial_balance":-0.01,"currency":"usd"}"#,
            [
                "/owner: expected 1 to 256 characters, found 0",
                #"/currency: expected the three capital letters of an ISO 4217 currency, found the string "usd""#,
                "/initial_balance: expected an amount of 0 or more, found -0.01",
            ]
        ),
        (
            #"{"type":"OpenAccount","owner":7,"initial_balance":[],"currency":null}"#,
            [
                "/owner: expected a string of 1 to 256 characters, found 7",
                "/currency: expected the three capital letters of an ISO 4217 currency, found null",
                "/initial_balance: expected an amount of 0 or more, as a number or a string, found an array",
            ]
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":1.001}"#,
            ["/initial_balance: expected at most 2 fractional digits, as USD has"]
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":1.5,"currency":"JPY"}"#,
            ["/initial_balance: expected no fractional digits, as JPY has none"]
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balence":5}"#,
            [
                "/initial_balence: not a field of OpenAccount: expected type, owner, initial_balance, currency, "
                    + "overdraft, maximum_balance",
                "/initial_balance: expected an amount of 0 or more, as a number or a string, found nothing",
            ]
        ),
        (
            #"{"type":"Deposit","amount":1,"owner":"A","a/b~c":{},"":null}"#,
            [
                "/owner: not a field of Deposit: expected type, amount, \(details)",
                "/a~1b~0c: not a field of Deposit: expected type, amount, \(details)",
                "/: not a field of Deposit: expected type, amount, \(details)",
            ]
        ),
        (
            #"{"type":"Withdraw","amount":1,"currency":"USD"}"#,
            ["/currency: not a field of Withdraw: expected type, amount, \(details)"]
        ),
        (#"{"type":"Deposit","amount":1,"amount":1}"#, ["/amount: expected once, found again"]),
        (#"{"type":"Deposit","amount":1,"\u0061mount":{}}"#, ["/amount: expected once, found again"]),
        (#"{"type":"Deposit","type":"Deposit","amount":1}"#, ["/type: expected once, found again"]),
        (
            #"{"type":"Move","into":"B","amount":1,"amount":2}"#,
            [
                "/amount: expected once, found again",
                "/into: not a field of any command: expected type, amount, owner, initial_balance, currency, overdraft, "
                    + "maximum_balance, to, hold, expires_at, expires_in, direction, reason, version, \(details)",
                #"/type: \#(types), found the string "Move""#,
            ]
        ),
    ]

    @Test(arguments: invalid)
    func `What is JSON but no command is refused with all its problems`(_ body: String, _ expected: [String]) {
        #expect(Self.problems(body).sorted() == expected.sorted())
    }

    @Test(arguments: [
        "", " ", "+5", "0x10", " 5", "5 ", "5.", ".5", "05", "NaN", "nan", "Infinity", "-Infinity", "1,000", "1e",
        "five",
    ])
    func `A string that holds no JSON number is no amount`(_ text: String) {
        #expect(
            Self.problems("{\"type\":\"Deposit\",\"amount\":\"\(text)\"}") == [
                "/amount: expected an amount greater than 0, written as a JSON number, found the string \"\(text)\""
            ])
    }

    @Test func `An amount beyond 15 digits is out of range where nothing else is wrong`() {
        let anywhere = "no amount and no balance may be beyond 15 significant digits"
        let dollars = "no amount and no balance in USD may be beyond 9999999999999.99"
        #expect(Self.problems(#"{"type":"Deposit","amount":1e15}"#) == ["out of range /amount: \(anywhere)"])
        #expect(Self.problems(#"{"type":"Withdraw","amount":"1e999999999"}"#) == ["out of range /amount: \(anywhere)"])
        #expect(
            Self.problems(#"{"type":"OpenAccount","owner":"A","initial_balance":10000000000000}"#)
                == ["out of range /initial_balance: \(dollars)"])
        #expect(
            Self.problems(#"{"type":"OpenAccount","owner":"","initial_balance":10000000000000}"#).sorted()
                == ["/initial_balance: \(dollars)", "/owner: expected 1 to 256 characters, found 0"])
    }

    @Test(arguments: bounds)
    func `An opening is judged by its currency`(
        _ bound: (currency: Currency, largest: String, beyond: String, sum: String)
    ) {
        func body(_ amount: String) -> String {
            #"{"type":"OpenAccount","owner":"A","initial_balance":\#(amount),"currency":"\#(bound.currency)"}"#
        }
        #expect(Self.problems(body(bound.largest)) == [])
        #expect(Self.problems(body(bound.beyond)).first?.hasPrefix("out of range /initial_balance") == true)
        #expect(Self.problems(body("1e-\(bound.currency.fractionDigits)")) == [])
        #expect(Self.problems(body("1e-\(bound.currency.fractionDigits + 1)")).count == 1)
    }

    @Test func `An owner is counted by Unicode scalars`() throws {
        func body(_ owner: String) -> String { #"{"type":"OpenAccount","owner":"\#(owner)","initial_balance":0}"# }
        #expect(Self.problems(body(String(repeating: "😀", count: 256))) == [])
        #expect(
            Self.problems(body(String(repeating: "a", count: 257)))
                == ["/owner: expected 1 to 256 characters, found 257"])
        // One character to Swift, 257 scalars.
        #expect(Self.problems(body("e" + String(repeating: "\u{301}", count: 256))).count == 1)
    }

    @Test func `A hostile body gets a short answer`() {
        let names = (0..<5000).map { "\"x\($0)\":0" }.joined(separator: ",")
        #expect(Self.problems("{\(names)}").count == CommandParsingError.maxProblems)
        let long = String(repeating: "x", count: 60_000)
        let found = Self.problems(#"{"type":"\#(long)"}"#)
        #expect(found.count == 1)
        #expect(found[0].utf8.count < 250)
    }

    @Test func `Members of others may stand beside the command's own`() throws {
        let body = #"{"account":"a-1","type":"Deposit","if_match":3,"amount":1}"#
        #expect(try Self.parse(body, besides: ["account", "if_match"]) == .deposit(amount: number("1")))
        #expect(Self.problems(body).count == 2)
        #expect(throws: CommandParsingError.self) { try Self.parse(body, besides: ["account"]) }
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `No body crashes`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"type\"", "\"Deposit\"", "\"OpenAccount\"", "\"amount\"", "\"owner\"",
            "\"initial_balance\"", "\"currency\"", "\"USD\"", "1", "-1", "1e9", "0.001", "null", "true", "\"\"", " ",
            "\\",
        ]
        for _ in 0..<200 {
            let body =
                "{"
                + (0..<Int.random(in: 0...14, using: &generator)).map { _ in pieces.randomElement(using: &generator)! }
                .joined()
            do {
                let command = try Self.parse(body)
                #expect(try AccountCommand.parse(command.canonicalBytes) == command)
            } catch {
                if case .invalidCommand(let problems) = error { #expect(!problems.isEmpty) }
            }
        }
    }
}
