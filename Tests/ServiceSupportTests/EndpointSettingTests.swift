import EventLogProtocol
import ServiceSupport
import Testing

@Suite struct EndpointSettingTests {
    private func read<Value>(_ setting: Setting<Value>, _ text: String) throws -> Value {
        try SettingsReader(
            known: [setting.description], arguments: [], environment: [setting.name: text], file: "/nonexistent"
        ).value(setting)
    }

    @Test(arguments: [
        ("tcp://localhost:5570", "tcp://127.0.0.1:5570"), ("tcp://[::1]:5570", "tcp://[::1]:5570"),
        ("ipc:///tmp/a", "ipc:///tmp/a"), ("tcp://10.0.0.1:1", "tcp://10.0.0.1:1"),
    ])
    func `log and peers read an endpoint alike`(text: String, endpoint: String) throws {
        #expect(try read(CommonSettings.appendEndpoint, text) == [endpoint])
        #expect(try read(CommonSettings.bound(CommonSettings.appendEndpoint), text) == endpoint)
    }

    @Test func `a host name is for peers, a wildcard for the log`() throws {
        let bound = CommonSettings.bound(CommonSettings.appendEndpoint)
        #expect(try read(CommonSettings.appendEndpoint, "tcp://log.example:1") == ["tcp://log.example:1"])
        #expect(throws: SettingError.self) { _ = try read(bound, "tcp://log.example:1") }
        #expect(try read(bound, "tcp://*:1") == "tcp://*:1")
        #expect(throws: SettingError.self) { _ = try read(CommonSettings.appendEndpoint, "tcp://*:1") }
    }

    @Test(arguments: [
        "tcp://[::1:5570", "tcp://::1:5570", "tcp://[a]:1", "tcp://a", "udp://a:1", "ipc://", "http://localhost:1",
        "ipc:///" + String(repeating: "a", count: 107),
    ])
    func `other endpoints are refused`(text: String) {
        #expect(throws: SettingError.self) { _ = try read(CommonSettings.appendEndpoint, text) }
    }

    @Test func `peers take a list, with spaces around the commas or without`() throws {
        let text = "tcp://localhost:1,tcp://10.0.0.1:1 , ipc:///tmp/a"
        let endpoints = ["tcp://127.0.0.1:1", "tcp://10.0.0.1:1", "ipc:///tmp/a"]
        #expect(try read(CommonSettings.eventsEndpoint, text) == endpoints)
        let sixteen = (1...16).map { "tcp://127.0.0.1:\($0)" }
        #expect(try read(CommonSettings.eventsEndpoint, sixteen.joined(separator: ",")) == sixteen)
    }

    @Test(arguments: [
        ("tcp://127.0.0.1:1,", "expected tcp://HOST:PORT"), (",tcp://127.0.0.1:1", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:1,,tcp://127.0.0.1:2", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:1;tcp://127.0.0.1:2", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:1, tcp://localhost:1", "tcp://127.0.0.1:1 stands there twice"),
        ((1...17).map { "tcp://127.0.0.1:\($0)" }.joined(separator: ","), "at most 16"),
    ])
    func `a wrong list is refused by name and value`(text: String, reason: String) throws {
        let error = try #require(throws: SettingError.self) { _ = try read(CommonSettings.readEndpoint, text) }
        #expect(error.description.hasPrefix("EVENT_LOG_READ_ENDPOINT is “\(text)”"))
        #expect(error.description.contains(reason), "\(error)")
    }

    @Test func `a log binds one endpoint`() throws {
        let bound = CommonSettings.bound(CommonSettings.readEndpoint)
        let error = try #require(throws: SettingError.self) {
            _ = try read(bound, "tcp://127.0.0.1:1,tcp://127.0.0.1:2")
        }
        #expect(error.description.contains("expected one endpoint"))
    }

    private func address(_ append: String, _ events: String, _ read: String) throws -> EventLogAddress {
        try CommonSettings.logAddress(
            SettingsReader(
                known: CommonSettings.ofLogClients, arguments: [],
                environment: [
                    "EVENT_LOG_APPEND_ENDPOINT": append, "EVENT_LOG_EVENTS_ENDPOINT": events,
                    "EVENT_LOG_READ_ENDPOINT": read,
                ], file: "/nonexistent"))
    }

    @Test func `the endpoints at one place of the lists are one service`() throws {
        let address = try address("ipc:///a1,ipc:///a2", "ipc:///e1,ipc:///e2", "ipc:///r1, ipc:///r2")
        #expect(
            address.logs == [
                EventLogAddress.Log(append: "ipc:///a1", events: "ipc:///e1", read: "ipc:///r1"),
                EventLogAddress.Log(append: "ipc:///a2", events: "ipc:///e2", read: "ipc:///r2"),
            ])
        #expect(address.readEndpoints == "ipc:///r1 or ipc:///r2")
    }

    @Test func `lists of different lengths are refused by names and values`() throws {
        let error = try #require(throws: SettingError.self) {
            try address("ipc:///a1,ipc:///a2", "ipc:///e1,ipc:///e2", "ipc:///r1")
        }
        for part in [
            "EVENT_LOG_APPEND_ENDPOINT is “ipc:///a1,ipc:///a2”", "EVENT_LOG_READ_ENDPOINT is “ipc:///r1”",
            "as many endpoints",
        ] {
            #expect(error.description.contains(part), "\(error)")
        }
    }
}
