import Accounts
import EventSourcing
import TestSupport
import Testing

/// The commands other than opening, deposit and withdrawal, and what may be said about a movement.
@Suite struct MovementCommandParsingTests {
    private static let b = TestLedger.stream("b")
    private static let details = MovementDetails(
        reference: "R-1", description: "for \"x\"", effectiveAt: CalendarDate("2024-02-29"))

    /// Bodies, what they are, and their one form.
    static let accepted: [(String, AccountCommand, String)] = [
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":0,"maximum_balance":"1e3","overdraft":50.0}"#,
            .open(
                owner: "A", initialBalance: number("0"), currency: .usd, overdraft: number("50"),
                maximumBalance: number("1000")),
            #"{"type":"OpenAccount","owner":"A","initial_balance":"0","currency":"USD","overdraft":"50","maximum_balance":"1000"}"#
        ),
        (
            #"{"effective_at":"2024-02-29","type":"Deposit","description":"for \"x\"","amount":1,"reference":"R-1"}"#,
            .deposit(amount: number("1"), details: details),
            #"{"type":"Deposit","amount":"1","reference":"R-1","description":"for \"x\"","effective_at":"2024-02-29"}"#
        ),
        (
            #"{"type":"Withdraw","amount":1,"description":""}"#,
            .withdraw(amount: number("1"), details: MovementDetails(description: "")),
            #"{"type":"Withdraw","amount":"1","description":""}"#
        ),
        (
            #"{"type":"Transfer","to":"b","amount":1.50}"#, .transfer(to: b, amount: number("1.5")),
            #"{"type":"Transfer","to":"b","amount":"1.5"}"#
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1}"#, .placeHold(hold: hold("h"), amount: number("1")),
            #"{"type":"PlaceHold","hold":"h","amount":"1"}"#
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1,"expires_at":"2026-01-02T04:04:05+01:00"}"#,
            .placeHold(
                hold: hold("h"), amount: number("1"),
                expiry: .at(Timestamp(microseconds: 1_767_323_045_000_000))),
            #"{"type":"PlaceHold","hold":"h","amount":"1","expires_at":"2026-01-02T03:04:05.000000Z"}"#
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1,"expires_in":"2h"}"#,
            .placeHold(hold: hold("h"), amount: number("1"), expiry: .after(seconds: 7200)),
            #"{"type":"PlaceHold","hold":"h","amount":"1","expires_in":"7200s"}"#
        ),
        (
            #"{"type":"CaptureHold","hold":"h"}"#, .captureHold(hold: hold("h")),
            #"{"type":"CaptureHold","hold":"h"}"#
        ),
        (
            #"{"type":"CaptureHold","to":"b","amount":2,"hold":"h","reference":"x"}"#,
            .captureHold(hold: hold("h"), amount: number("2"), to: b, details: MovementDetails(reference: "x")),
            #"{"type":"CaptureHold","hold":"h","amount":"2","to":"b","reference":"x"}"#
        ),
        (
            #"{"type":"ReleaseHold","hold":"h"}"#, .releaseHold(hold: hold("h")),
            #"{"type":"ReleaseHold","hold":"h"}"#
        ),
        (
            #"{"type":"SetLimits","maximum_balance":null}"#,
            .setLimits(overdraft: .unchanged, maximumBalance: .removed),
            #"{"type":"SetLimits","maximum_balance":null}"#
        ),
        (
            #"{"type":"SetLimits","maximum_balance":0,"overdraft":"5.0"}"#,
            .setLimits(overdraft: .set(number("5")), maximumBalance: .set(number("0"))),
            #"{"type":"SetLimits","overdraft":"5","maximum_balance":"0"}"#
        ),
        (
            #"{"type":"Freeze","direction":"all","reason":"r"}"#, .freeze(direction: .all, reason: "r"),
            #"{"type":"Freeze","direction":"all","reason":"r"}"#
        ),
        (#"{"type":"Unfreeze","reason":"r"}"#, .unfreeze(reason: "r"), #"{"type":"Unfreeze","reason":"r"}"#),
        (#"{"type":"Close","reason":"r"}"#, .close(reason: "r"), #"{"type":"Close","reason":"r"}"#),
        (
            #"{"type":"Reverse","version":2,"reason":"r","description":"d"}"#,
            .reverse(version: 2, reason: "r", details: MovementDetails(description: "d")),
            #"{"type":"Reverse","version":2,"reason":"r","description":"d"}"#
        ),
    ]

    @Test(arguments: accepted)
    func `A command is read, and its one form is fixed`(
        _ body: String, _ command: AccountCommand, _ canonical: String
    ) throws {
        #expect(try CommandParsingTests.parse(body) == command)
        #expect(text(command.canonicalBytes) == canonical)
        #expect(try CommandParsingTests.parse(canonical) == command)
    }

    @Test func `A command without what was added later has the bytes that it always had`() throws {
        let old: [(AccountCommand, String)] = [
            (.deposit(amount: number("12.5")), #"{"type":"Deposit","amount":"12.5"}"#),
            (.withdraw(amount: number("12.5")), #"{"type":"Withdraw","amount":"12.5"}"#),
            (
                .open(owner: "A", initialBalance: number("1"), currency: .usd),
                #"{"type":"OpenAccount","owner":"A","initial_balance":"1","currency":"USD"}"#
            ),
        ]
        for (command, canonical) in old { #expect(text(command.canonicalBytes) == canonical) }
    }

    @Test func `A duration is the same in any unit`() throws {
        func form(_ duration: String) throws -> String {
            try CanonicalBytesTests.canonical(
                #"{"type":"PlaceHold","hold":"h","amount":1,"expires_in":"\#(duration)"}"#)
        }
        #expect(Set(try ["86400s", "1440m", "24h", "1d", "0001d"].map(form)).count == 1)
        #expect(try form("1s") != form("1m"))
    }

    private static let name = "expected a hold's name (1 to 64 characters of A-Z a-z 0-9 . _ ~ -, and neither . nor ..)"
    private static let account =
        "expected an account's id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -, and neither . nor ..)"
    private static let duration = "expected a duration such as 30s, 10m, 2h or 7d"
    private static let version = "expected the version of an event, as a whole number from 1"

    static let invalid: [(String, [String])] = [
        (#"{"type":"Transfer","amount":1}"#, ["/to: \(account), found nothing"]),
        (#"{"type":"Transfer","to":"..","amount":1}"#, [#"/to: \#(account), found the string "..""#]),
        (#"{"type":"Transfer","to":7,"amount":1}"#, ["/to: \(account), found 7"]),
        (#"{"type":"CaptureHold","hold":"h","to":null}"#, ["/to: \(account), found null"]),
        (
            #"{"type":"CaptureHold","hold":"h","amount":0}"#,
            ["/amount: expected an amount greater than 0, found 0"]
        ),
        (#"{"type":"ReleaseHold"}"#, ["/hold: \(name), found nothing"]),
        (#"{"type":"ReleaseHold","hold":"a b"}"#, [#"/hold: \#(name), found the string "a b""#]),
        (#"{"type":"ReleaseHold","hold":"."}"#, [#"/hold: \#(name), found the string ".""#]),
        (
            #"{"type":"ReleaseHold","hold":"h","amount":1}"#,
            ["/amount: not a field of ReleaseHold: expected type, hold"]
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1,"expires_in":"1s","expires_at":"2026-01-02T03:04:05Z"}"#,
            ["/expires_in: expected expires_at or expires_in, found both"]
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1,"expires_at":"2026-02-29T00:00:00Z"}"#,
            [
                #"/expires_at: expected a time such as 2026-01-31T12:00:00Z, found the string "2026-02-29T00:00:00Z""#
            ]
        ),
        (
            #"{"type":"PlaceHold","hold":"h","amount":1,"expires_at":null}"#,
            ["/expires_at: expected a time such as 2026-01-31T12:00:00Z, found null"]
        ),
        (
            #"{"type":"SetLimits"}"#, ["/overdraft: expected overdraft, maximum_balance or both, found neither"]
        ),
        (
            #"{"type":"SetLimits","overdraft":-1,"maximum_balance":"x"}"#,
            [
                "/overdraft: expected an amount of 0 or more, found -1",
                #"/maximum_balance: expected an amount of 0 or more, written as a JSON number, found the string "x""#,
            ]
        ),
        (
            #"{"type":"OpenAccount","owner":"A","initial_balance":0,"overdraft":null,"maximum_balance":0.001}"#,
            [
                "/overdraft: expected an amount of 0 or more, as a number or a string, found null",
                "/maximum_balance: expected at most 2 fractional digits, as USD has",
            ]
        ),
        (
            #"{"type":"Freeze","direction":"both","reason":""}"#,
            [
                #"/direction: expected "debits", "credits" or "all", found the string "both""#,
                "/reason: expected 1 to 256 characters, found 0",
            ]
        ),
        (
            #"{"type":"Freeze"}"#,
            [
                #"/direction: expected "debits", "credits" or "all", found nothing"#,
                "/reason: expected a string of 1 to 256 characters, found nothing",
            ]
        ),
        (#"{"type":"Close","reason":5}"#, ["/reason: expected a string of 1 to 256 characters, found 5"]),
        (#"{"type":"Reverse","reason":"r"}"#, ["/version: \(version), found nothing"]),
        (#"{"type":"Reverse","reason":"r","version":0}"#, ["/version: \(version), found 0"]),
        (#"{"type":"Reverse","reason":"r","version":1.0}"#, ["/version: \(version), found 1.0"]),
        (#"{"type":"Reverse","reason":"r","version":"2"}"#, [#"/version: \#(version), found the string "2""#]),
        (
            #"{"type":"Reverse","reason":"r","version":9223372036854775808}"#,
            ["/version: \(version), found 9223372036854775808"]
        ),
        (
            #"{"type":"Deposit","amount":1,"reference":"","description":7,"effective_at":"2026-1-31"}"#,
            [
                "/reference: expected 1 to 128 characters, found 0",
                "/description: expected a string of at most 512 characters, found 7",
                #"/effective_at: expected a date such as 2026-01-31, found the string "2026-1-31""#,
            ]
        ),
        (
            #"{"type":"Deposit","amount":1,"reference":null}"#,
            ["/reference: expected a string of 1 to 128 characters, found null"]
        ),
        (#"{"type":"Close","reason":"r","reason":"r"}"#, ["/reason: expected once, found again"]),
        (
            #"{"type":"Freeze","direction":"all","reason":"r","reference":"x"}"#,
            ["/reference: not a field of Freeze: expected type, direction, reason"]
        ),
    ]

    @Test(arguments: invalid)
    func `What is no command is refused with all its problems`(_ body: String, _ expected: [String]) {
        #expect(CommandParsingTests.problems(body).sorted() == expected.sorted())
    }

    @Test(arguments: [
        "", "s", "0s", "-1s", "+1s", "1", "1S", "1 s", "1.5h", "1w", "s1", "1ss", "9223372036854775807d",
        "99999999999999999999s", "106751991167300d", "3660001d", "٣s", "1m30s",
    ])
    func `A duration is a whole number of one unit, and ends`(_ duration: String) {
        let body = #"{"type":"PlaceHold","hold":"h","amount":1,"expires_in":"\#(duration)"}"#
        #expect(CommandParsingTests.problems(body).count == 1, "\(CommandParsingTests.problems(body))")
    }

    @Test func `Texts are counted by Unicode scalars`() {
        func problems(_ member: String, _ text: String) -> Int {
            CommandParsingTests.problems(#"{"type":"Deposit","amount":1,"\#(member)":"\#(text)"}"#).count
        }
        for (member, longest) in [("reference", 128), ("description", 512)] {
            #expect(problems(member, String(repeating: "😀", count: longest)) == 0)
            #expect(problems(member, String(repeating: "a", count: longest + 1)) == 1)
        }
        let reason = String(repeating: "é", count: 256)
        #expect(CommandParsingTests.problems(#"{"type":"Close","reason":"\#(reason)"}"#) == [])
        #expect(CommandParsingTests.problems(#"{"type":"Close","reason":"\#(reason)x"}"#).count == 1)
        #expect(HoldID(String(repeating: "h", count: 64)) != nil)
        #expect(HoldID(String(repeating: "h", count: 65)) == nil)
    }

    @Test func `Amounts out of range are told, whichever they are`() {
        #expect(
            CommandParsingTests.problems(#"{"type":"SetLimits","overdraft":1e15,"maximum_balance":1e16}"#).first?
                .hasPrefix("out of range /overdraft") == true)
    }
}
