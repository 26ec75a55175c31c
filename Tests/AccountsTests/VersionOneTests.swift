import Accounts
import EventSourcing
import Testing

/// What events of schema version 1 may not be. What they may be stands in `Golden/version-1.ndjson`.
@Suite struct VersionOneTests {
    private func error(_ type: String, _ data: String) -> EventDecodingError? {
        #expect(throws: EventDecodingError.self) {
            _ = try AccountEvent(type: type, schemaVersion: 1, data: Array(data.utf8))
        }
    }

    @Test(arguments: [
        "0.005", "1.005", "1e-3", "0.30000000000004", "10000000000000", "1e300", "1e400", "123456789012345678",
    ])
    func `an amount that is not whole cents, or out of range, is refused with the figure`(amount: String) {
        for (type, data, member) in [
            ("MoneyDeposited", #"{"amount":\#(amount)}"#, "/amount"),
            ("MoneyWithdrawn", #"{"amount":\#(amount)}"#, "/amount"),
            ("AccountOpened", #"{"owner":"A","initial_balance":\#(amount)}"#, "/initial_balance"),
        ] {
            let error = error(type, data)
            #expect(error?.type == type)
            #expect(error?.schemaVersion == 1)
            #expect(error?.reason.contains("whole cents, found \(amount)") == true, "\(String(describing: error))")
            #expect(error?.reason.contains(member) == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: [
        "", "{", "[]", "500.0", "{}", #"{"amount":null}"#, #"{"amount":"500.00"}"#, #"{"amount":true}"#,
        #"{"amount":{}}"#, #"{"amount":NaN}"#,
        #"{"amount":Infinity}"#, #"{"amount":.5}"#, #"{"amount":5.}"#, #"{"amount":05}"#, #"{"amount":+5}"#,
        #"{"amount":5,"amount":5}"#, #"{"amount":5,"currency":"USD"}"#, #"{"amount":5}x"#, #"{"Amount":5}"#,
        #"{"amount":5,"note":"x"}"#, #"{"initial_balance":5}"#,
    ])
    func `a movement in another form is refused`(data: String) {
        for type in ["MoneyDeposited", "MoneyWithdrawn"] { _ = error(type, data) }
    }

    @Test(arguments: [
        "{}", #"{"owner":"A"}"#, #"{"initial_balance":5.0}"#, #"{"owner":5,"initial_balance":5.0}"#,
        #"{"owner":"A","initial_balance":null}"#, #"{"owner":"A","initial_balance":"5.00"}"#,
        #"{"owner":"A","amount":5.0}"#,
        #"{"owner":"A","initial_balance":5.0,"x":1}"#, #"{"owner":"A","owner":"A","initial_balance":5.0}"#,
        #"{"owner":"A","initial_balance":5.0,"currency":"USD"}"#,
        #"{"owner":"A","initial_balance":5.0,"currency":"EUR"}"#,
    ])
    func `an opening in another form is refused; version 1 knows no currencies`(data: String) {
        _ = error("AccountOpened", data)
    }

    @Test func `an amount of version 2 is still no number`() {
        #expect(throws: EventDecodingError.self) {
            _ = try AccountEvent(type: "MoneyDeposited", schemaVersion: 2, data: Array(#"{"amount":500.0}"#.utf8))
        }
    }
}
