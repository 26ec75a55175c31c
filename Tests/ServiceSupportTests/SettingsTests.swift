import ServiceSupport
import Testing

@Suite struct SettingsTests {
    private let address = CommonSettings.httpAddress("X_HTTP_ADDRESS", default: "127.0.0.1:80", help: "")
    private let wait = CommonSettings.duration("X_WAIT", default: "5s", help: "")

    private func read(
        _ arguments: [String] = [], environment: [String: String] = [:], file: String = "/nonexistent/.env"
    ) throws -> SettingsReader {
        try SettingsReader(
            known: [address.description, wait.description], arguments: arguments, environment: environment, file: file)
    }

    @Test func `a flag wins over the environment, that over the default`() throws {
        let environment = ["X_WAIT": "2s"]
        #expect(try read().value(wait) == .seconds(5))
        #expect(try read(environment: environment).value(wait) == .seconds(2))
        #expect(try read(["--x-wait", "1s"], environment: environment).value(wait) == .seconds(1))
        #expect(try read(["--x-wait=700ms"], environment: environment).value(wait) == .milliseconds(700))
    }

    @Test(arguments: [
        (["--y", "1"], "--y"), (["--x-wait"], "needs a value"), (["--x-wait", "1s", "--x-wait", "1s"], "twice"),
        (["stray"], "stray"),
    ])
    func `arguments that the program does not have are refused by name`(arguments: [String], part: String) {
        let error = #expect(throws: SettingError.self) { _ = try read(arguments) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["", "5", "-5s", "0s", "5 s", "1h", "99999999s", "5sms"])
    func `a wrong value is refused with its name and value`(text: String) throws {
        let settings = try read(environment: ["X_WAIT": text])
        let error = #expect(throws: SettingError.self) { _ = try settings.value(wait) }
        #expect(error?.description.contains("X_WAIT is “\(text)”") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("[::1]:0", "[::1]:0"), ("localhost:65535", "localhost:65535"),
    ])
    func `addresses are host and port`(text: String, written: String) {
        #expect(HTTPAddress(text)?.description == written)
    }

    @Test(arguments: ["", "localhost", ":80", "::1:80", "a:b", "a:65536", "a:-1", "a b:80", "http://a:80", "a:80/"])
    func `other addresses are refused`(text: String) {
        #expect(HTTPAddress(text) == nil)
    }
}

@Suite struct PercentEncodingTests {
    @Test(arguments: [("acc%2D001", "acc-001"), ("%C3%A4", "ä"), ("a", "a"), ("", "")])
    func `is undone`(text: String, plain: String) {
        #expect(PercentEncoding.undone(text) == plain)
    }

    @Test(arguments: ["%", "%4", "%zz", "%ff", "a%2"])
    func `broken text is refused`(text: String) {
        #expect(PercentEncoding.undone(text) == nil)
    }

    @Test(arguments: ["acc-001", "Zoë & Söhne", "100%", "a/b?c=d#e", "\u{0}\n"])
    func `applied and undone gives the same`(text: String) {
        let applied = PercentEncoding.applied(to: text)
        #expect(applied.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(PercentEncoding.undone(applied) == text)
    }
}
