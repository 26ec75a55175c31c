import Accounts

/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeText(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

/// Texts by the number of the trial that they are for.
private let texts: [(UInt8, [String])] = [
    (
        0,
        [
            #"{"a":[1,-2.5e+10,true,false,null,"\"\\\/\b\f\n\r\tä\uD83D\uDE00é€😀"],"b":{}}"#, "[]", "0", #""""#,
            #"{"a":1,"a":2}"#, String(repeating: "[", count: 70), #""\uD800""#, " \t\r\n1 ", "1e", "01", "\u{FEFF}{}",
        ]
    ),
    (
        1,
        [
            "2026-01-02T03:04:05.678901Z", "2026-01-02t04:04:05+01:00", "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-01:00", "2024-02-29 00:00:00.1Z",
        ]
    ),
    (
        2,
        [
            "500", "500.0", "5e2", "50000e-2", "-0.05", "999999999999999", "1e-9223372036854775808", "1E+400",
            "0.30000000000000004", "9.99999999999995", "1e14", "0e99999999999",
        ]
    ),
    (3, ["1300.00", "-0.05", "5", "0", "9999999999999.99", "0.0001"]),
    (
        4,
        [
            #"{"type":"OpenAccount","owner":"Alice","initial_balance":1000.0,"currency":"USD"}"#,
            #"{"type":"Deposit","amount":"500.00"}"#, #"{"amount":5e2,"type":"Withdraw"}"#,
            #"{"type":"Deposit","amount":1,"amount":2,"x":null}"#, "[]", "{",
            #"{"type":"OpenAccount","owner":"A","initial_balance":0,"overdraft":"5","maximum_balance":1e3}"#,
            #"{"type":"Transfer","to":"b","amount":5,"reference":"R","description":"","effective_at":"2024-02-29"}"#,
            #"{"type":"PlaceHold","hold":"i","amount":5,"expires_at":"2026-01-02T04:04:06+01:00"}"#,
            #"{"type":"PlaceHold","hold":"i","amount":5,"expires_in":"10m"}"#,
            #"{"type":"CaptureHold","hold":"h","amount":5,"to":"b"}"#, #"{"type":"ReleaseHold","hold":"h"}"#,
            #"{"type":"SetLimits","overdraft":null,"maximum_balance":"7.50"}"#,
            #"{"type":"Freeze","direction":"debits","reason":"r"}"#, #"{"type":"Unfreeze","reason":"r"}"#,
            #"{"type":"Close","reason":"r"}"#, #"{"type":"Reverse","version":2,"reason":"r"}"#,
        ]
    ),
    (
        5,
        [
            "after=a%20b&limit=10&owner=%C3%A4+b", "at=2026-01-02T03:04:05%2B01:00",
            "wait=500ms&min_position=18446744073709551615",
            "a=%zz", "a=%C3", "&&=&a", "limit=-1&limit=+1",
        ]
    ),
    (6, [#""3""#, #"W/"3", "4""#, #","3",,"a,b""#, "*", #""""#, #"W/"#, "\"3\" , \t\"4\""]),
    (7, ["127.0.0.1:8080", "[::1]:0", "localhost:65535", ":80", "a:b:80", "[]:1", "h:99999", "h:+80"]),
    (8, ["500ms", "5s", "0s", "86400s", "86401s", "s", "9223372036854775808ms", "٣s"]),
    (9, ["01980000-0000-7000-8000-00000000000A", String(repeating: "aF", count: 32), "USD", "acc-001", "~/"]),
    (
        10,
        [
            "text/event-stream;q=0, application/json;q=0.5", "*/*", #"application/json;amounts="string""#,
            "text/*;q=1.000,;,x", #"a/b;c="\"d\,""#, "q=0",
        ]
    ),
    (
        11,
        [
            "A=b\n", "export A='b c' # d\r\nB=\"x\\n\\\"y\"\n", "\u{FEFF}A=1\n# c\n\nB = 2 # d\nC=3#4", "A\nB=${C}",
            "A=\"b",
            "A='b'c",
        ]
    ),
    (12, ["42-9e560c9ab1d2f3a4", "0", "18446744073709551615", "1-", "-1", "1-9E560C9AB1D2F3A4", "1-+123456789abcdef"]),
    (13, ["localhost:8080", "[::1]:80", "127.0.0.1", "a b", "example.com.:443", "[]", "h:", ":80", "[::1", "h:99999"]),
    (14, ["plain", "\u{1B}[31m\n\u{202E}\u{200D}é", "\\u{1B}"]),
]

private func seeds() -> [Seed] {
    texts.flatMap { trial, texts in
        texts.enumerated().map { index, text in Seed("\(trial)-\(index)", trial, [], text) }
    }
}
