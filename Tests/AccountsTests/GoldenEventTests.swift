import Accounts
import EventSourcing
import Testing

@Suite struct GoldenEventTests {
    @Test(arguments: 1...AccountEvent.schemaVersion)
    func `every schema version has a golden file, with every type of event`(version: UInt16) throws {
        let events = try GoldenEvent.all(ofVersion: version)
        #expect(events.allSatisfy { $0.schemaVersion == version })
        let types = version == 1 ? ["AccountOpened", "MoneyDeposited", "MoneyWithdrawn"] : AccountEvent.types
        #expect(Set(events.map(\.type)) == Set(types))
    }

    @Test(arguments: 1...AccountEvent.schemaVersion)
    func `I10: what was recorded once is read as the same event for ever`(version: UInt16) throws {
        for golden in try GoldenEvent.all(ofVersion: version) {
            let event = try AccountEvent(type: golden.type, schemaVersion: golden.schemaVersion, data: golden.data)
            #expect(event == golden.becomes, "\(golden.place)")
            #expect(event.type == golden.type, "\(golden.place)")
            // Were it recorded today, it would be the same event.
            #expect(
                try AccountEvent(type: event.type, schemaVersion: event.schemaVersion, data: event.encoded()) == event,
                "\(golden.place)")
        }
    }

    /// Except for the escapes, which a golden file may have in other places.
    @Test func `what is recorded today has the very bytes of the golden file`() throws {
        let events = try GoldenEvent.all(ofVersion: AccountEvent.schemaVersion).filter { !$0.data.contains(0x5C) }
        #expect(Set(events.map(\.type)) == Set(AccountEvent.types))
        for golden in events { #expect(text(golden.becomes.encoded()) == text(golden.data), "\(golden.place)") }
    }

    @Test func `the recipe's history is folded to the recipe's balances`() throws {
        let stream = try #require(StreamID(category: Account.category, name: "acc-001"))
        let history: [(String, String, balance: String)] = [
            ("AccountOpened", #"{"owner":"Alice","initial_balance":1000.0}"#, "1000.00"),
            ("MoneyDeposited", #"{"amount":500.0}"#, "1500.00"), ("MoneyWithdrawn", #"{"amount":200.0}"#, "1300.00"),
            ("MoneyDeposited", #"{"amount":0.1}"#, "1300.10"),
            ("MoneyDeposited", #"{"amount":0.30000000000000004}"#, "1300.40"),
        ]
        var revision = Revision<Account>(of: stream)
        for (version, (type, data, balance)) in zip(UInt64(1)..., history) {
            try revision.apply(
                RecordedEvent(
                    position: version, stream: stream, streamVersion: version,
                    recordedAt: Timestamp(microseconds: 1),
                    event: NewEvent(
                        id: UniqueID(high: 0, low: version), type: type, schemaVersion: 1, data: Array(data.utf8)),
                    hash: Digest256(0, 0, 0, 0)))
            #expect(revision.state.balance.description == balance)
        }
        #expect(revision.state.currency == .usd)
    }
}
