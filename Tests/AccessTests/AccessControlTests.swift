import Access
import EventSourcing
import Foundation
import JSON
import SecureFiles
import TestSupport
import Testing

@Suite struct AccessControlTests {
    private let stage = Stage()
    private let token = TokenText.make()

    private func entry(
        _ name: String = "till-3", _ role: Role = .teller, _ token: String? = nil, reach: Reach = .all,
        expires: Timestamp? = nil
    ) -> TokenEntry {
        TokenEntry(
            name: name, role: role, digest: TokenText.digest(of: token ?? self.token), reach: reach, expires: expires)
    }

    @Test func `without demands everybody may do everything`() {
        #expect(AccessControl.open.isOpen)
        let presented = AccessControl.Presented(authorization: ["nonsense", "nonsense"])
        #expect(AccessControl.open.identity(presenting: presented).caller == .unrestricted)
        #expect(AccessControl.open.stillHolds(.unrestricted))
    }

    @Test func `a token makes its holder known, another one does not`() async throws {
        try stage.writeTokens(entry(reach: .prefix("till-3-")), entry("ops", .operator, TokenText.make()))
        let control = try await stage.control(tokens: true)
        #expect(!control.isOpen)
        let caller = try #require(await control.caller(of: token))
        #expect(caller.actor == "till-3")
        #expect(caller.standing == .role(.teller))
        #expect(caller.reach == .prefix("till-3-"))
        #expect(control.stillHolds(caller))
        let other = TokenText.make()
        let reason = await control.refusal(of: other)
        #expect(reason == "the token is not known")
        #expect(await control.refusal(of: "x") == reason)
        #expect(await control.refusal(of: "\(TokenText.digest(of: token))") == reason)
        #expect(control.identity(presenting: .init()).caller == .stranger)
        #expect(
            control.identity(presenting: .init(authorization: ["Bearer \(token)", "Bearer \(token)"])).reason != "")
        #expect(control.identity(presenting: .init(authorization: ["Basic \(token)"])).reason != "")
    }

    @Test func `a token ends with its time, also for who was let in before`() async throws {
        let expires = Timestamp(microseconds: stage.clock.now.microseconds + 10_000_000)
        try stage.writeTokens(entry(expires: expires))
        let control = try await stage.control(tokens: true)
        let caller = try #require(await control.caller(of: token))
        stage.clock.advance(seconds: 9)
        #expect(control.stillHolds(caller))
        stage.clock.advance(seconds: 1)
        #expect(!control.stillHolds(caller))
        #expect(await control.refusal(of: token) == "the token is expired")
    }

    @Test func `an unreadable or wrong file of tokens is an error that names setting and line`() async throws {
        await #expect(throws: AccessError.self) { try await stage.control(tokens: true) }
        try stage.write("{}\n", to: stage.tokensPath)
        let error = await #expect(throws: AccessError.self) { try await stage.control(tokens: true) }
        #expect(error?.description.contains("ACCESS_TOKENS") == true)
        #expect(error?.description.contains("line 1") == true)
        try stage.writeTokens(entry())
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: stage.tokensPath)
        let shared = await #expect(throws: AccessError.self) { try await stage.control(tokens: true) }
        #expect(shared?.description.contains("chmod 600") == true)
    }

    @Test func `a changed file is in force at once, and who held a token that is gone is no longer let in`()
        async throws
    {
        try stage.writeTokens(entry(), entry("ops", .operator, "b"))
        let control = try await stage.control(tokens: true)
        let caller = try #require(await control.caller(of: token))
        let ops = try #require(await control.caller(of: "b"))
        // Another role, another reach, another digest, or gone: what was proved before does not hold any more.
        for changed in [
            entry("till-3", .reader), entry("till-3", .teller, reach: .one("acc-1")), entry("till-3", .teller, "c"),
        ] {
            try stage.writeTokens(changed, entry("ops", .operator, "b"))
            await control.look()
            #expect(!control.stillHolds(caller), "\(changed)")
            #expect(control.stillHolds(ops))
        }
        try stage.writeTokens(entry("ops", .operator, "b"))
        await control.look()
        #expect(!control.stillHolds(caller))
        #expect(await control.caller(of: token) == nil)
        #expect(control.warnings.isEmpty)
        let lines = try await stage.auditLines(of: control)
        #expect(lines.map { $0["event"] } == Array(repeating: .string("tokens-changed"), count: 4))
        #expect(lines.allSatisfy { $0["names"] == .array([.string("till-3")]) })
        // One who sees less than its token still holds it.
        try stage.writeTokens(entry())
        await control.look()
        let narrowed = try #require(await control.caller(of: token)).narrowed(to: .one("acc-1"))
        #expect(control.stillHolds(narrowed))
    }

    @Test func `a broken, shared or removed file opens nothing and leaves what was read before in force`() async throws
    {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        func expectOldInForce(_ warning: String) async {
            await control.look()
            await control.look()
            #expect(await control.caller(of: token)?.actor == "till-3")
            #expect(control.identity(presenting: .init()).caller == .stranger)
            #expect(control.warnings.count == 1 && control.warnings[0].contains(warning), "\(control.warnings)")
        }
        try stage.write(String(decoding: entry().line, as: UTF8.self) + "{\"name\":\"x\"", to: stage.tokensPath)
        await expectOldInForce("line 2")
        try FileManager.default.removeItem(atPath: stage.tokensPath)
        await expectOldInForce("No such file")
        try FileManager.default.createDirectory(atPath: stage.tokensPath, withIntermediateDirectories: false)
        await expectOldInForce("is no file")
        try FileManager.default.removeItem(atPath: stage.tokensPath)
        let elsewhere = stage.folder.path + "/elsewhere"
        try stage.write("", to: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: stage.tokensPath, withDestinationPath: elsewhere)
        await expectOldInForce("symbolic link")
        try FileManager.default.removeItem(atPath: stage.tokensPath)
        try stage.writeTokens(entry("other"))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: stage.tokensPath)
        await expectOldInForce("chmod 600")
        // The mode alone is corrected.
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: stage.tokensPath)
        await control.look()
        #expect(control.warnings.isEmpty)
        #expect(await control.caller(of: token)?.actor == "other")
        // An empty file is one without tokens: nobody is let in.
        try stage.write("", to: stage.tokensPath)
        await control.look()
        #expect(await control.caller(of: token) == nil)
        #expect(control.identity(presenting: .init()).caller == .stranger)
    }

    @Test func `a file that is as it was again is no warning any more`() async throws {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        try stage.write("x", to: stage.tokensPath)
        await control.look()
        #expect(control.warnings.count == 1)
        try stage.writeTokens(entry())
        await control.look()
        #expect(control.warnings.isEmpty)
    }

    @Test func `a file written in place is read again, whatever its stamp says of it`() async throws {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        for round in 0..<20 {
            let token = "token-\(round)"
            let handle = try #require(FileHandle(forWritingAtPath: stage.tokensPath))
            let line = entry("t\(round % 10)", .reader, token).line
            // In two writes, each followed by a look.
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: line.prefix(20))
            await control.look()
            try handle.write(contentsOf: line.dropFirst(20))
            try handle.close()
            await control.look()
            await control.look()
            #expect(await control.caller(of: token)?.actor == "t\(round % 10)")
        }
    }

    @Test func `watching takes in changes until it is cancelled, a signal at once`() async throws {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        let watch = Task { await control.watch() }
        try stage.writeTokens(entry("other"))
        try await eventually("the change is in force", within: .seconds(60)) {
            await control.caller(of: token)?.actor == "other"
        }
        watch.cancel()
        await watch.value
        try stage.writeTokens(entry("third"))
        await control.readAgain()
        #expect(await control.caller(of: token)?.actor == "third")
        await control.audit.flush()
    }

    @Test func `looks at once leave the newest in force`() async throws {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        for round in 0..<50 {
            try stage.writeTokens(entry("n\(round)"))
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<8 { group.addTask { await control.look(always: index % 2 == 0) } }
            }
            await control.look()
            #expect(await control.caller(of: token)?.actor == "n\(round)")
        }
    }

    @Test func `a certificate alone is enough if no tokens are demanded`() async throws {
        let control = try await stage.control(certificates: true)
        let caller = try #require(control.identity(presenting: .init(certificate: "till-3")).caller)
        #expect(caller.actor == "till-3")
        #expect(Permission.allCases.allSatisfy { caller.decision(for: $0) == .allowed })
        #expect(control.stillHolds(caller))
        #expect(control.identity(presenting: .init()).caller == .stranger)
        for name in ["", "Till 3", "ä", String(repeating: "n", count: 129)] {
            #expect(control.identity(presenting: .init(certificate: name)).reason != "", "\(name)")
        }
        try stage.writeTokens(entry())
        let both = try await stage.control(tokens: true, certificates: true)
        #expect(both.identity(presenting: .init(certificate: "till-4")).caller == .stranger)
        let shown = both.identity(presenting: .init(authorization: ["Bearer \(token)"], certificate: "till-4"))
        #expect(shown.caller?.actor == "till-3")
    }

    @Test func `what is refused has no secret in it`() async throws {
        try stage.writeTokens(entry())
        let control = try await stage.control(tokens: true)
        for authorization in [
            ["Bearer \(token)x"], ["Basic \(token)"], [token], ["Bearer \(token)", token], ["Bearer \(token) \(token)"],
            ["Bearer \(token).\(token).\(token)"],
        ] {
            let reason = control.identity(presenting: .init(authorization: authorization)).reason
            #expect(!reason.isEmpty && !reason.contains(token) && !reason.contains("\(TokenText.digest(of: token))"))
        }
    }
}
