import EventLogProtocol
import Foundation
import SecureFiles
import TestSupport
import Testing
import ZeroMQ

@testable import ServiceSupport

@Suite("Settings of the log's keys") struct CurveSettingsTests {
    private func read<Value>(
        _ environment: [String: String], _ body: (SettingsReader) throws -> Value
    ) throws -> Value {
        let known =
            CommonSettings.ofLogClients + CommonSettings.ofLogSecurity + [CommonSettings.allowInsecure.description]
        return try body(
            try SettingsReader(known: known, arguments: [], environment: environment, file: "/nonexistent/.env"))
    }

    /// Runs a test with a secret key in a file.
    private func withKey(_ body: (CurveSecretKey, String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "daybook-keys-\(UUID().uuidString.prefix(8))"
        defer { _ = try? FileManager.default.removeItem(atPath: folder) }
        let key = try CurveSecretKey.generate()
        #expect(try CurveKeyFile.make(folder + "/key", with: key) == true)
        try body(key, folder + "/key")
    }

    @Test func `without settings nothing is demanded`() throws {
        let isNone = try read([:]) { settings in
            let log = try CommonSettings.logSecurity(settings)
            return try CommonSettings.peerSecurity(settings) == .none && log == nil
        }
        #expect(isNone)
    }

    @Test func `a peer has its own key and the log's`() throws {
        try withKey { key, path in
            let log = try CurveSecretKey.generate().publicKey
            let names = ["EVENT_LOG_PUBLIC_KEY": log.description, "PEER_SECRET_KEY": path]
            let address = try read(names) { try CommonSettings.logAddress($0) }
            #expect(address.security == .curveClient(key, server: log))
            for missing in names.keys {
                let error = #expect(throws: SettingError.self) {
                    try read(names.filter { $0.key != missing }) { try CommonSettings.peerSecurity($0) }
                }
                #expect(error?.description.contains("\(missing) is not") == true)
            }
            for wrong in ["x", String(repeating: "é", count: 20), ""] {
                #expect(throws: SettingError.self) {
                    try read(names.merging(["EVENT_LOG_PUBLIC_KEY": wrong]) { $1 }) {
                        try CommonSettings.peerSecurity($0)
                    }
                }
            }
        }
    }

    @Test func `a log has its own key and a file of peers`() throws {
        try withKey { key, path in
            let names = ["EVENT_LOG_SECRET_KEY": path, "EVENT_LOG_PEERS": "/peers"]
            let found = try read(names) { try CommonSettings.logSecurity($0) }
            #expect(found?.secret == key && found?.peers == "/peers")
            for missing in names.keys {
                #expect(throws: SettingError.self) {
                    try read(names.filter { $0.key != missing }) { try CommonSettings.logSecurity($0) }
                }
            }
        }
    }

    @Test func `a file of a key is read if it is for its owner alone and holds one`() throws {
        try withKey { key, path in
            #expect(try CurveKeyFile.load(path) == key)
            #expect(try CurveKeyFile.make(path, with: key) == false)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            let error = #expect(throws: SecureFileError.self) { try CurveKeyFile.load(path) }
            #expect(error?.description.contains("chmod 600") == true)
            for (text, isKey) in [
                (key.withCharacters { String(decoding: $0, as: UTF8.self) }, true), ("", false), ("short\n", false),
                (String(repeating: "0", count: 300), false), ("{}", false),
            ] {
                for end in isKey ? ["", "\n", "\r\n", " \n\n"] : [""] {
                    try SecureFile.replace(path, with: Array((text + end).utf8))
                    let read = Result { () throws(SecureFileError) in try CurveKeyFile.load(path) }
                    switch read {
                    case .success(let read): #expect(isKey && read == key)
                    case .failure(let error):
                        #expect(!isKey)
                        #expect(text.isEmpty || !error.description.contains(text), "nothing of the file is shown")
                    }
                }
            }
        }
    }

    @Test(arguments: [
        ("tcp://127.0.0.1:1", true), ("tcp://127.255.0.9:1", true), ("tcp://[::1]:1", true), ("ipc:///tmp/x", true),
        ("tcp://0.0.0.0:1", false), ("tcp://*:1", false), ("tcp://[::]:1", false), ("tcp://10.0.0.1:1", false),
        ("tcp://[::ffff:127.0.0.1]:1", false), ("tcp://eth0:1", false), ("tcp://128.0.0.1:1", false),
    ])
    func `endpoints that others can reach need keys`(_ endpoint: String, _ isLocal: Bool) throws {
        #expect(LogEndpoint.isLocal(endpoint) == isLocal)
        let name = "EVENT_LOG_READ_ENDPOINT"
        let setting = Setting(name, default: "tcp://127.0.0.1:5572", help: CommonSettings.readEndpoint.help) {
            text throws(SettingError) in text
        }
        func warnings(_ further: [String: String] = [:], demandingKeys: Bool = false) throws -> [String] {
            try read([name: endpoint].merging(further) { $1 }) {
                try CommonSettings.warnings(of: [setting], demandingKeys: demandingKeys, $0)
            }
        }
        #expect(try warnings(demandingKeys: true).isEmpty)
        #expect(try warnings(["ALLOW_INSECURE": "yes"]).count == (isLocal ? 0 : 1))
        guard !isLocal else {
            #expect(try warnings().isEmpty)
            return
        }
        let error = #expect(throws: SettingError.self) { try warnings() }
        #expect(error?.description.contains("EVENT_LOG_SECRET_KEY and EVENT_LOG_PEERS") == true)
    }
}
