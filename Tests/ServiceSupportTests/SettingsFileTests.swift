import Foundation
import ServiceSupport
import TestSupport
import Testing

@Suite struct SettingsFileTests {
    private let wait = CommonSettings.duration("X_WAIT", default: "5s", help: "")
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(
        _ bytes: [UInt8], arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> SettingsReader {
        let path = "\(folder.path)/settings"
        try Data(bytes).write(to: URL(filePath: path))
        return try SettingsReader(
            known: [wait.description], arguments: arguments, environment: environment, file: path)
    }

    @Test func `environment and flags win over the file`() throws {
        let text = Array("X_WAIT=1s\r\n".utf8)
        #expect(try read(text).value(wait) == .seconds(1))
        #expect(try read(text, environment: ["X_WAIT": "2s"]).value(wait) == .seconds(2))
        #expect(try read(text, arguments: ["--x-wait", "3s"]).value(wait) == .seconds(3))
    }

    @Test func `a wrong value is refused with file and line`() throws {
        let settings = try read(Array("\nX_WAIT=soon".utf8))
        let error = #expect(throws: SettingError.self) { _ = try settings.value(wait) }
        #expect(error?.description.contains("X_WAIT in \(folder.path)/settings, line 2, is “soon”") == true)
        #expect(throws: SettingError.self) { _ = try settings.settingsInEffect() }
    }

    @Test func `a file that is no text is refused`() {
        // "X" in UTF-16, as some editors of Windows write it.
        let error = #expect(throws: SettingError.self) { _ = try read([0xFF, 0xFE, 0x58, 0x00]) }
        #expect(error?.description.contains("not UTF-8") == true)
    }

    @Test func `control characters are refused, and shown escaped`() throws {
        let settings = try read(Array("X_WAIT=\"5s\\n\"".utf8))
        let error = #expect(throws: SettingError.self) { _ = try settings.value(wait) }
        #expect(error?.description.contains("“5s\\u{a}”") == true, "\(String(describing: error))")
    }

    @Test func `a file that is named must be there, the default one need not`() throws {
        let missing = "\(folder.path)/missing"
        let known = [wait.description]
        _ = try SettingsReader(known: known, arguments: [], environment: [:], file: missing)
        #expect(throws: SettingError.self) {
            _ = try SettingsReader(known: known, arguments: ["--settings-file", missing], environment: [:])
        }
        #expect(throws: SettingError.self) {
            _ = try SettingsReader(known: known, arguments: [], environment: ["SETTINGS_FILE": missing])
        }
    }

    @Test(arguments: ["/", "/dev/zero"])
    func `what is not a file of settings is refused`(path: String) {
        #expect(throws: SettingError.self) {
            _ = try SettingsReader(known: [], arguments: [], environment: ["SETTINGS_FILE": path])
        }
    }

    @Test func `the settings in effect are those that are read`() throws {
        let settings = try read(Array("export X_WAIT='700ms' # c".utf8)).settingsInEffect()
        #expect(settings.map(\.name) == ["X_WAIT"] && settings.map(\.text) == ["700ms"])
    }
}

@Suite struct SettingPathTests {
    @Test(arguments: [("~/a", "/h/a"), ("~", "/h"), ("a/~", "a/~"), ("./~", "./~"), ("/a", "/a")])
    func `a tilde at the beginning is the home folder`(text: String, path: String) throws {
        #expect(try SettingPath.expanded(text, home: "/h") == path)
    }

    @Test(arguments: [("~other/a", "/h"), ("~/a", ""), ("~/a", nil)])
    func `another user's home, and an unknown one, are refused`(text: String, home: String?) {
        #expect(throws: SettingError.self) { _ = try SettingPath.expanded(text, home: home) }
    }
}
