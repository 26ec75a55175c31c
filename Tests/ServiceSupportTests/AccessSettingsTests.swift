import Access
import Foundation
import Logging
import SecureFiles
import ServiceSupport
import TestSupport
import Testing

@Suite struct AccessSettingsTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func settings(_ environment: [String: String]) throws -> SettingsReader {
        try SettingsReader(
            known: CommonSettings.ofAccess, arguments: [], environment: environment, file: "/nonexistent/.env")
    }

    @Test func `without settings everything is open and nothing is written`() async throws {
        let settings = try settings([:])
        let access = try await CommonSettings.accessControl(
            settings, certificates: false, service: "test", logger: logger)
        #expect(access.isOpen)
        #expect(try settings.value(CommonSettings.rateLimit) == nil)
        #expect(try !settings.value(CommonSettings.allowInsecure))
        #expect(try settings.value(CommonSettings.auditLog) == .automatic)
        #expect(!FileManager.default.fileExists(atPath: "data/audit.jsonl"))
    }

    @Test(arguments: [
        (["ACCESS_TOKENS": ""], "ACCESS_TOKENS"), (["ACCESS_TOKENS": "/nonexistent/tokens"], "ACCESS_TOKENS"),
        (["ACCESS_JWKS": "keys.json"], "ACCESS_ISSUER"), (["ACCESS_ISSUER": "a"], "ACCESS_JWKS"),
        (["ACCESS_AUDIENCE": "a"], "ACCESS_JWKS"), (["ACCESS_ISSUER": "a", "ACCESS_AUDIENCE": "a"], "ACCESS_JWKS"),
        (["ACCESS_JWKS": "keys.json", "ACCESS_ISSUER": "a"], "ACCESS_AUDIENCE"),
        (["ACCESS_JWKS": "/nonexistent/keys", "ACCESS_ISSUER": "a", "ACCESS_AUDIENCE": "a"], "ACCESS_JWKS"),
        (["ACCESS_JWKS": "/nonexistent/keys", "ACCESS_ISSUER": "", "ACCESS_AUDIENCE": "a"], "ACCESS_ISSUER"),
        (["AUDIT_LOG": ""], "AUDIT_LOG"), (["AUDIT_LOG": "/proc/nonexistent"], "AUDIT_LOG"),
        (["AUDIT_LOG": "/"], "AUDIT_LOG"),
    ])
    func `what cannot be used is a wrong setting that is named`(_ environment: [String: String], _ name: String) async {
        let error = await #expect(throws: SettingError.self) {
            _ = try await CommonSettings.accessControl(
                try settings(["AUDIT_LOG": "none"].merging(environment) { $1 }), certificates: false, service: "test",
                logger: logger)
        }
        #expect(error?.description.contains(name) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["200", "0/s", "200/m", "", "1000001/s"])
    func `a rate that is none is refused`(_ text: String) throws {
        #expect(throws: SettingError.self) {
            try settings(["HTTP_RATE_LIMIT": text]).value(CommonSettings.rateLimit)
        }
    }

    @Test func `a rate, a yes and a place are read`() throws {
        let settings = try settings([
            "HTTP_RATE_LIMIT": "200/s", "ALLOW_INSECURE": "yes", "AUDIT_LOG": "/var/log/daybook/audit.jsonl",
        ])
        #expect(try settings.value(CommonSettings.rateLimit)?.perSecond == 200)
        #expect(try settings.value(CommonSettings.allowInsecure))
        #expect(try settings.value(CommonSettings.auditLog) == .file("/var/log/daybook/audit.jsonl"))
        for text in ["", "true", "YES", "1"] {
            #expect(throws: SettingError.self) {
                try self.settings(["ALLOW_INSECURE": text]).value(CommonSettings.allowInsecure)
            }
        }
    }

    @Test func `tokens restrict access, and the audit log is opened`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/tokens"
        try SecureFile.replace(path, with: [])
        let audit = folder.path + "/log/audit.jsonl"
        let access = try await CommonSettings.accessControl(
            try settings(["ACCESS_TOKENS": path, "AUDIT_LOG": audit]), certificates: false, service: "test",
            logger: logger)
        #expect(!access.isOpen)
        #expect(access.demands.tokens == path)
        #expect(FileManager.default.fileExists(atPath: audit))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let error = await #expect(throws: SettingError.self) {
            _ = try await CommonSettings.accessControl(
                try settings(["ACCESS_TOKENS": path, "AUDIT_LOG": "none"]), certificates: false, service: "test",
                logger: logger)
        }
        #expect(error?.description.contains("chmod 600") == true)
    }

    @Test func `a certificate alone restricts access`() async throws {
        let access = try await CommonSettings.accessControl(
            try settings(["AUDIT_LOG": "none"]), certificates: true, service: "test", logger: logger)
        #expect(!access.isOpen)
        #expect(access.demands.certificates)
    }
}
