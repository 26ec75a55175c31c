import Access
import Foundation
import JSON
import Logging
import TestSupport
import Testing

@Suite struct AuditLogTests {
    private let folder = made { try TemporaryFolder() }
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private var path: String { folder.path + "/deep/audit.jsonl" }

    private func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `a record is one line of JSON with what is known`() async throws {
        let log = AuditLog(path, service: "command", logger: logger)
        try log.open()
        log.record(
            AuditRecord(
                .denied, actor: "till-3", address: "127.0.0.1", method: "POST",
                path: "/accounts/a\"b\u{1B}\n?key=secret",
                reason: "needs manager"))
        log.record(AuditRecord(.tokensChanged, names: (0..<150).map { "t\($0)" }))
        await log.flush()
        let lines = try Stage.lines(at: path)
        #expect(lines.count == 2)
        #expect(lines[0]["service"] == .string("command"))
        #expect(lines[0]["event"] == .string("denied"))
        #expect(lines[0]["actor"] == .string("till-3"))
        #expect(lines[0]["address"] == .string("127.0.0.1"))
        #expect(lines[0]["path"] == .string("/accounts/a\"b\u{1B}\n"))
        guard case .string(let time) = lines[0]["time"] else {
            Issue.record("no time")
            return
        }
        #expect(time.hasSuffix("Z") && time.count == 27)
        guard case .array(let names) = lines[1]["names"] else {
            Issue.record("no names")
            return
        }
        #expect(names.count == AuditRecord.maxNames)
        #expect(lines[1]["further_names"] == .number(JSONNumber(50)))
        #expect(try !text().contains("secret"))
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    }

    @Test func `a token in a path is left out, and long texts are cut`() async throws {
        let log = AuditLog(path, service: "command", logger: logger)
        let token = TokenText.make()
        let webToken = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
        for path in [
            "/accounts/\(token)", "/\(token)/x", "/accounts/\(webToken)", "/a?token=\(token)", "/a#\(token)",
            "/a/Bearer%20\(token)", "/a/x\(token.uppercased())",
            "/" + String(repeating: "a", count: 300) + "?\(token)",
        ] {
            log.record(AuditRecord(.authenticationFailed, method: "GET", path: path, reason: "the token is not known"))
        }
        log.record(AuditRecord(.peerRefused, reason: String(repeating: "ä€😀", count: 1000)))
        await log.flush()
        let text = try text().lowercased()
        #expect(!text.contains(token.lowercased()) && !text.contains(token.dropFirst(4).lowercased()))
        #expect(!text.contains("eyj"))
        let lines = try Stage.lines(at: path)
        #expect(lines.count == 9)
        #expect(lines[0]["path"] == .string("/accounts/[left out]"))
        guard case .string(let reason) = lines[8]["reason"] else {
            Issue.record("no reason")
            return
        }
        #expect(reason.utf8.count <= AuditRecord.maxText + 3)
    }

    @Test func `what strangers cause is limited, and what was left out is told`() async throws {
        let log = AuditLog(path, service: "command", logger: logger)
        for _ in 0..<1000 { log.record(AuditRecord(.authenticationFailed)) }
        for _ in 0..<300 { log.record(AuditRecord(.tokensChanged)) }
        log.record(AuditRecord(.denied, actor: "a"))
        try await eventually("the count of what was left out is written", within: .seconds(60)) {
            log.tick()
            await log.flush()
            return try text().contains("\"suppressed\"")
        }
        let lines = try Stage.lines(at: path)
        let events = lines.map { $0["event"] }
        #expect((100...200).contains(events.count { $0 == .string("authentication-failed") }))
        #expect(events.count { $0 == .string("tokens-changed") } == 300)
        #expect(events.count { $0 == .string("denied") } == 1)
        let suppressed = lines.filter { $0["event"] == .string("suppressed") }
        #expect(suppressed.allSatisfy { $0["of"] == .string("authentication-failed") })
        let count = suppressed.reduce(0) { sum, line in
            guard case .number(let number) = line["count"] else { return sum }
            return sum + Int(number.integer ?? 0)
        }
        #expect(UInt64(count) == log.suppressedLines)
        #expect(log.counts.first { $0.event == "authentication-failed" }?.count == 1000)
    }

    @Test func `a file that is renamed, removed or given up is made anew`() async throws {
        let log = AuditLog(path, service: "command", logger: logger)
        func record(_ reason: String) async {
            log.record(AuditRecord(.keyChanged, reason: reason))
            await log.flush()
        }
        await record("first")
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        await record("second")
        #expect(try !text().contains("first") && text().contains("second"))
        try FileManager.default.removeItem(atPath: path)
        await record("third")
        #expect(try !text().contains("second") && text().contains("third"))
        log.reopen()
        await record("fourth")
        #expect(try text().contains("third") && text().contains("fourth"))
        try FileManager.default.removeItem(atPath: folder.path + "/deep")
        await record("fifth")
        #expect(try text().contains("fifth"))
    }

    @Test func `a log that cannot be written is counted and warned of, and works again later`() async throws {
        let log = AuditLog(path, service: "command", logger: logger)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(throws: AccessError.self) { try log.open() }
        log.record(AuditRecord(.denied))
        await log.flush()
        log.record(AuditRecord(.denied))
        await log.flush()
        #expect(log.lostLines == 2)
        #expect(log.warnings.count == 1 && log.warnings[0].contains("AUDIT_LOG"))
        try FileManager.default.removeItem(atPath: path)
        let target = folder.path + "/target"
        #expect(FileManager.default.createFile(atPath: target, contents: nil))
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        log.record(AuditRecord(.denied))
        await log.flush()
        #expect(log.warnings.count == 1 && log.warnings[0].contains("symbolic link"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: target)).isEmpty)
        try FileManager.default.removeItem(atPath: path)
        log.record(AuditRecord(.denied))
        await log.flush()
        #expect(log.warnings.isEmpty)
        #expect(try Stage.lines(at: path).count == 1)
        #expect(log.counts.first { $0.event == "denied" }?.count == 4)
    }

    @Test func `a full disk ends nothing`() async throws {
        let log = AuditLog("/dev/full", service: "command", logger: logger)
        log.record(AuditRecord(.denied))
        await log.flush()
        #expect(log.lostLines == 1)
        #expect(log.warnings.count == 1)
    }

    @Test func `without a path it only counts`() async throws {
        let log = AuditLog(nil, service: "command", logger: logger)
        try log.open()
        log.record(AuditRecord(.rateLimited))
        await log.flush()
        #expect(log.counts.first { $0.event == "rate-limited" }?.count == 1)
        #expect(log.warnings.isEmpty)
    }

    @Test func `records of several threads are whole lines`() async throws {
        let logs = (0..<3).map { AuditLog(path, service: "s\($0)", logger: logger) }
        await withTaskGroup(of: Void.self) { group in
            for log in logs {
                for number in 0..<200 {
                    group.addTask { log.record(AuditRecord(.keyChanged, reason: "\(number)")) }
                }
            }
        }
        for log in logs { await log.flush() }
        #expect(try Stage.lines(at: path).count == 600)
    }
}
