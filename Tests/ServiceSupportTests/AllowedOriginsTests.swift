import Testing

@testable import ServiceSupport

/// Which origins' pages may use a service.
@Suite struct AllowedOriginsTests {
    @Test func `origins are compared as browsers write them`() throws {
        let origins = try AllowedOrigins(settingText: "HTTPS://Bank.Example:443, http://localhost:3000,http://[::1]:80")
        for origin in ["https://bank.example", "http://localhost:3000", "http://[::1]"] {
            #expect(origins.contain(origin))
        }
        for origin in [
            "https://bank.example:443", "http://bank.example", "https://bank.example.", "https://bank.example/", "null",
            "",
            "http://localhost", "https://bank.example, http://localhost:3000",
        ] { #expect(!origins.contain(origin)) }
    }

    @Test(arguments: [
        "*", "null", "bank.example", "https://", "https://a/b", "ftp://a", "https://user@a", "https://a:b",
    ])
    func `what is no origin is refused`(text: String) {
        #expect(throws: SettingError.self) { try AllowedOrigins(settingText: text) }
    }

    @Test func `none are allowed without any`() throws {
        #expect(try AllowedOrigins(settingText: "").isEmpty)
        #expect(!AllowedOrigins().contain("null"))
    }
}
