import EventSourcing
import Testing

@testable import ServiceSupport

/// Where the log is kept, and what of it may be shown.
@Suite struct EventStoreSettingTests {
    private func value(_ text: String) throws -> StoreAddress {
        try SettingsReader(
            known: [CommonSettings.eventStore.description], arguments: [], environment: ["EVENT_STORE": text],
            file: "no-such.env"
        ).value(CommonSettings.eventStore)
    }

    @Test func `both kinds of stores are read`() throws {
        #expect(try value("sqlite:data/log.db") == .sqlite(path: "data/log.db"))
        #expect(try value("postgresql://a:b@h:1/d?x=y") == .postgresql("postgresql://a:b@h:1/d?x=y"))
        #expect(try value("postgres://h/d") == .postgresql("postgres://h/d"))
    }

    @Test(arguments: ["sqlite:", "postgresql", "mysql://h/d", "", "sqlite:~somebody/log.db"])
    func `what is none of them is refused`(_ text: String) throws {
        let error = #expect(throws: SettingError.self) { try value(text) }
        #expect(error?.description.contains("EVENT_STORE") == true)
    }

    @Test(arguments: [
        "postgresql://teller:p4ss-w0rd@db.example:5432,other:5432/bank?application_name=daybook&connect_timeout=3",
        "postgresql://teller:p4ss-w0rd?x@db.example/bank", "postgresql://teller:a@p4ss-w0rd@db.example/bank",
        "postgresql://teller:a/p4ss-w0rd@db.example/bank", "postgresql://db.example/bank?password=p4ss-w0rd",
        "postgresql://db.example/bank?password=a@p4ss-w0rd",
        "postgresq://a-user-with-a-rather-long-name:p4ss-w0rd@db.example:5432/bank",
        "host=db.example.of.a.rather.long.name user=teller password=p4ss-w0rd dbname=bank",
    ])
    func `nothing of a password is shown`(_ text: String) throws {
        #expect(!ShownText.of(text).contains("p4ss"), "\(ShownText.of(text))")
        #expect(StoreAddress(text)?.description.contains("p4ss") != true)
        // As a flag that does not exist, and as a value that is wrong.
        let unknown = #expect(throws: SettingError.self) {
            try SettingsReader(
                known: [], arguments: ["--event-stor=\(text)"], environment: [:], file: "no-such.env")
        }
        #expect(unknown?.description.contains("p4ss") == false)
        let wrong = #expect(throws: SettingError.self) { try value(text + "\u{7}") }
        #expect(wrong?.description.contains("p4ss") == false)
    }

    @Test(arguments: [
        "tcp://127.0.0.1:5570", "sqlite:data/daybook.db", "https://bank.example", "ipc:///run/a b",
        "tcp://127.0.0.1:5572,tcp://127.0.0.1:5582",
    ])
    func `what is no secret is shown as it is`(_ text: String) { #expect(ShownText.of(text) == text) }

    @Test func `the log listens at one endpoint`() {
        let setting = CommonSettings.bound(CommonSettings.appendEndpoint)
        let error = #expect(throws: SettingError.self) {
            try SettingsReader(
                known: [setting.description], arguments: [],
                environment: ["EVENT_LOG_APPEND_ENDPOINT": "tcp://127.0.0.1:1,tcp://127.0.0.1:2"], file: "no-such.env"
            ).value(setting)
        }
        #expect(error?.description.contains("expected one endpoint") == true)
    }
}
