import Accounts
import EventSourcing

/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeStored(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

private func bigEndian(_ value: Int64) -> [UInt8] {
    (0..<8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

private let openedWithLimits =
    #"{"owner":"A","initial_balance":"10.00","currency":"USD","overdraft":"5.00","maximum_balance":"90.00"}"#

/// The events that there are since accounts hold, transfer and reverse: a name, the place of the type, and the data.
private let laterEvents: [(String, UInt8, String)] = {
    let transfer = "01980000-0000-7000-8000-000000000001"
    return [
        ("details", 1, #"{"amount":"5.00","reference":"R","description":"d","effective_at":"2024-02-29"}"#),
        ("sent", 3, #"{"amount":"1.00","to":"b","transfer":"\#(transfer)","counterparty_version":2}"#),
        ("received", 4, #"{"amount":"2.00","from":"b","transfer":"\#(transfer)","counterparty_version":2,"hold":"h"}"#),
        ("placed", 5, #"{"hold":"h","amount":"5.00","expires_at":"2026-01-02T03:05:05.000000Z"}"#),
        ("captured", 6, #"{"hold":"h","amount":"3.00","released":"2.00","to":"b","transfer":"\#(transfer)"}"#),
        ("placed-again", 5, #"{"hold":"i","amount":"5.00"}"#), ("released", 7, #"{"hold":"i","amount":"5.00"}"#),
        ("placed-last", 5, #"{"hold":"j","amount":"5.00"}"#), ("expired", 8, #"{"hold":"j","amount":"5.00"}"#),
        ("limits", 9, #"{"overdraft":null,"maximum_balance":"80.00"}"#),
        ("reversed", 13, #"{"amount":"5.00","reverses":2,"direction":"debit","reason":"r"}"#),
        (
            "reversed-transfer", 13,
            #"{"amount":"1.00","reverses":3,"direction":"credit","reason":"r","from":"b","transfer":"\#(transfer)"}"#
        ),
        ("frozen", 10, #"{"direction":"all","reason":"r"}"#), ("unfrozen", 11, #"{"reason":"r"}"#),
        ("closed", 12, #"{"reason":"r"}"#),
    ]
}()

private func seeds() -> [Seed] {
    let opened = #"{"owner":"Alice","initial_balance":"10.00","currency":"USD"}"#
    let legacyOpening = #"{"owner":"é\n","initial_balance":10.25}"#
    let time = bigEndian(1_767_323_045_678_901)
    let state = #"{"owner":"A","currency":"JPY","balance":"100","events":9}"#
    let fullState =
        #"{"owner":"A","currency":"USD","balance":"-1.00","events":9,"overdraft":"5.00","#
        + #""maximum_balance":"7.00","frozen":"all","frozen_because":"r","#
        + #""holds":[{"hold":"h","amount":"1.00","expires_at":"2026-01-02T03:05:05.000000Z","version":3}],"#
        + #""resolved":["i","captured",6,"j","expired",7],"reversals":[2,8]}"#
    let closedState = #"{"owner":"A","currency":"USD","balance":"0.00","events":2,"overdraft":null,"closed":true}"#
    let account =
        #"{"id":"a","version":3,"last_event":"01980000-0000-7000-8000-000000000001","created_at":1767323045678901,"#
        + #""updated_at":1767323045678902,"owner":"Alice","currency":"USD","balance":"12.50","events":3}"#
    let other = account.replacing(#""id":"a""#, with: #""id":"b""#)
    let head =
        #"{"projection":"accounts","schema":"\#(Digest256(1, 2, 3, 4))","#
        + #""log":"01980000-0000-7000-8000-000000000001","hash":"\#(Digest256(9, 8, 7, 6))","position":5}"#
    let beyond = "18446744073709551615"
    let problem = #"{"type":"/problems/insufficient-funds","title":"x","status":400,"detail":"y"}"#
    var seeds = [
        Seed("opened", 0, [0, 2], opened), Seed("deposited", 0, [1, 2], #"{"amount":"5.00"}"#),
        Seed("withdrawn", 0, [2, 2], #"{ "amount" : "0.01" }"#), Seed("legacy-opened", 0, [0, 1], legacyOpening),
        Seed("legacy-deposited", 0, [1, 1], #"{"amount":0.30000000000000004}"#),
        Seed("legacy-exponent", 0, [1, 1], #"{"amount":1e-9223372036854775808}"#),
        Seed("unknown", 0, [14, 2], "{}"), Seed("snapshot-full", 2, bigEndian(9) + time + time, fullState),
        Seed("snapshot-closed", 2, bigEndian(2) + time + time, closedState),
        Seed("snapshot", 2, bigEndian(3) + time + time, state),
        Seed("snapshot-absent", 2, bigEndian(1) + time + time, "{}"),
        Seed("snapshot-version", 2, bigEndian(-1) + time + time, state),
        Seed("snapshot-time", 2, bigEndian(1) + bigEndian(.min) + time, state), Seed("obeyed", 3, [0]),
        Seed("refused", 3, [1, 1, 0x90], problem), Seed("refused-status", 3, [1, 0xFF, 0xFF], "{}"),
        Seed("obeyed-actor", 3, [2, 0, 0, 0, 1, 0x61, 0]),
        Seed("refused-actor", 3, [2, 0, 0, 0, 1, 0x61, 1, 1, 0x90], problem),
        Seed("obeyed-decision", 3, [3] + Array(1...16) + [0]),
        Seed("refused-decision", 3, [3] + Array(1...16) + [2, 0, 0, 0, 1, 0x61, 1, 1, 0x90], problem),
        Seed("refused-actor-long", 3, [2, 0xFF, 0xFF, 0xFF, 0xFF, 0x61, 1, 1, 0x90], problem),
        Seed("versions", 8, [], "[3,7]"), Seed("versions-none", 8, [], "[]"), Seed("versions-plus", 8, [], "[+3,07]"),
        Seed("names", 10, [2], #"["account/a","account/b"]"#), Seed("names-older", 10, [3]),
        Seed("names-other", 10, [2], #"["account/b","account/a"]"#),
        Seed("versions-beyond", 8, [], "[9223372036854775808]"), Seed("directory", 4, [], account + "\n" + other),
        Seed("checkpoint", 5, [], [head, account, other].joined(separator: "\n")),
        Seed("checkpoint-position", 5, [], head.replacing(":5}", with: ":\(beyond)}")),
        Seed(
            "checkpoint-version", 5, [], "\(head)\n" + account.replacing(#"version":3"#, with: #"version":\#(beyond)"#)),
        Seed("cloud-event", 7, bigEndian(7) + sized(Array(#"{"by":"x"}"#.utf8)), #"{"amount":"5.00"}"#),
        Seed(
            "import", 6, [],
            """
            {"account":"acc-001","type":"AccountOpened","owner":"Alice","initial_balance":1000.0}
            {"account":"acc-001","type":"MoneyDeposited","amount":500.0}

            {"account":"acc-001","type":"MoneyWithdrawn","amount":1e2}
            {"account":"b","type":"MoneyDeposited","amount":NaN}
            {"account":"b","type":"AccountOpened","owner":"B","initial_balance":0}{}
            """),
    ]
    seeds += laterEvents.map { name, type, data in Seed(name, 0, [type, 2], data) }
    var history: [UInt8] = []
    for (type, schema, data) in [
        (0, 1, legacyOpening), (1, 2, #"{"amount":"5.00"}"#), (2, 2, #"{"amount":"9999.00"}"#),
        (2, 1, #"{"amount":1.5}"#),
    ] as [(UInt8, UInt8, String)] {
        history += [type, schema] + time + sized(Array(data.utf8))
    }
    seeds.append(Seed("history", 1, history))
    history = [0, 2] + time + sized(Array(openedWithLimits.utf8))
    for (_, type, data) in laterEvents { history += [type, 2] + time + sized(Array(data.utf8)) }
    seeds.append(Seed("history-full", 1, history))
    seeds.append(Seed("signed", 9, [UInt8](repeating: 0, count: 40), state))
    return seeds
}
