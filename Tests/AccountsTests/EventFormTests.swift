import Accounts
import EventSourcing
import Testing

/// Data that is no event: every member must be there, known and of its form.
@Suite struct EventFormTests {
    private static let id = "01980000-0000-7000-8000-00000000000a"
    private static let sent = #""amount":"5.00","to":"b","transfer":"\#(id)","counterparty_version":7"#
    private static let captured = #""hold":"h","amount":"5.00""#
    private static let reversed = #""amount":"5.00","reverses":2,"direction":"debit","reason":"r""#

    static let wrong: [(String, String)] = [
        ("MoneySent", #"{"amount":"5.00"}"#), ("MoneySent", sent), ("MoneySent", "{\(sent),\"hold\":\"h\"}"),
        ("MoneySent", "{\(sent.replacing(#""to""#, with: #""from""#))}"), ("MoneyReceived", "{\(sent)}"),
        ("MoneySent", "{\(sent.replacing("0a", with: "0A"))}"), ("MoneySent", "{\(sent.replacing(id, with: "x"))}"),
        ("MoneySent", "{\(sent.replacing(":7", with: ":0"))}"), ("MoneySent", "{\(sent.replacing(":7", with: ":-1"))}"),
        ("MoneySent", "{\(sent.replacing(":7", with: #":"7""#))}"),
        ("MoneySent", "{\(sent.replacing(":7", with: ":9223372036854775808"))}"),
        ("MoneySent", "{\(sent.replacing(#""b""#, with: #""..""#))}"),
        ("MoneySent", "{\(sent),\"reference\":null}"), ("MoneySent", "{\(sent),\"effective_at\":\"2026-02-29\"}"),
        ("MoneySent", "{\(sent),\"to\":\"b\"}"),
        ("MoneyDeposited", #"{"amount":"5.00","hold":"h"}"#),
        ("MoneyDeposited", #"{"amount":"5.00","effective_at":1}"#),
        ("HoldPlaced", #"{"hold":"h"}"#), ("HoldPlaced", #"{"hold":"","amount":"5.00"}"#),
        ("HoldPlaced", #"{"hold":"a b","amount":"5.00"}"#), ("HoldPlaced", "{\(captured),\"expires_at\":null}"),
        ("HoldPlaced", "{\(captured),\"expires_at\":\"2026-01-02T03:04:05Z\"}"),
        ("HoldPlaced", "{\(captured),\"expires_at\":\"2026-01-02T03:04:05.000000+00:00\"}"),
        ("HoldCaptured", "{\(captured),\"to\":\"b\"}"), ("HoldCaptured", "{\(captured),\"transfer\":\"\(id)\"}"),
        ("HoldCaptured", "{\(captured),\"released\":5}"), ("HoldCaptured", "{\(captured),\"expires_at\":\"x\"}"),
        ("HoldReleased", "{\(captured),\"reference\":\"x\"}"), ("HoldExpired", "{\(captured),\"reason\":\"x\"}"),
        ("LimitsSet", "{}"), ("LimitsSet", #"{"overdraft":5}"#), ("LimitsSet", #"{"overdraft":"5","limit":null}"#),
        ("AccountFrozen", #"{"direction":"both","reason":"r"}"#), ("AccountFrozen", #"{"direction":"all"}"#),
        ("AccountUnfrozen", "{}"), ("AccountClosed", #"{"reason":null}"#),
        ("MovementReversed", "{\(reversed.replacing("debit", with: "debits"))}"),
        ("MovementReversed", "{\(reversed.replacing(":2", with: ":2.0"))}"),
        ("MovementReversed", "{\(reversed),\"to\":\"b\"}"),
        ("MovementReversed", "{\(reversed),\"transfer\":\"\(id)\"}"),
        ("MovementReversed", "{\(reversed),\"from\":\"b\",\"transfer\":\"\(id)\"}"),
        ("MovementReversed", "{\(reversed),\"to\":\"b\",\"from\":\"b\",\"transfer\":\"\(id)\"}"),
        ("AccountOpened", #"{"owner":"A","initial_balance":"0.00","currency":"USD","overdraft":null}"#),
        ("AccountOpened", #"{"owner":"A","initial_balance":"0.00","currency":"USD","overdraft":"1"}"#),
        ("AccountOpened", #"{"owner":"A","initial_balance":"0.00","currency":"USD","reference":"x"}"#),
    ]

    @Test(arguments: wrong)
    func `data in another form is refused`(_ type: String, _ data: String) {
        let error = #expect(throws: EventDecodingError.self) {
            try AccountEvent(type: type, schemaVersion: 2, data: Array(data.utf8))
        }
        #expect(error?.type == type)
    }

    @Test func `the forms that these are made of are right`() throws {
        for (type, data) in [
            ("MoneySent", Self.sent), ("HoldCaptured", Self.captured), ("HoldExpired", Self.captured),
            ("MovementReversed", Self.reversed),
        ] {
            _ = try AccountEvent(type: type, schemaVersion: 2, data: Array("{\(data)}".utf8))
        }
    }

    @Test func `schema version 1 knew neither later events nor later members`() throws {
        for golden in try GoldenEvent.all(ofVersion: 2) where golden.data.contains(UInt8(ascii: ":")) {
            let isOld = ["AccountOpened", "MoneyDeposited", "MoneyWithdrawn"].contains(golden.type)
            if isOld { continue }
            #expect(throws: EventDecodingError.self) {
                try AccountEvent(type: golden.type, schemaVersion: 1, data: golden.data)
            }
        }
        for data in [
            #"{"amount":5,"reference":"x"}"#, #"{"amount":5,"description":""}"#,
            #"{"amount":5,"effective_at":"2026-01-31"}"#,
        ] {
            #expect(throws: EventDecodingError.self) {
                try AccountEvent(type: "MoneyDeposited", schemaVersion: 1, data: Array(data.utf8))
            }
        }
        #expect(throws: EventDecodingError.self) {
            let data = #"{"owner":"A","initial_balance":5,"overdraft":"1.00"}"#
            return try AccountEvent(type: "AccountOpened", schemaVersion: 1, data: Array(data.utf8))
        }
    }
}
