import Access
import EventSourcing
import Foundation
import JSON
import Logging
import SecureFiles
import Synchronization
import TestSupport
import Testing

/// What a test cannot do without.
func made<Value>(_ body: () throws -> Value) -> Value {
    do {
        return try body()
    } catch {
        fatalError("\(error)")
    }
}

/// A clock that goes on only when it is told to.
final class ManualClock: Sendable {
    private let time = Mutex(Timestamp(microseconds: 1_800_000_000_000_000))

    var now: Timestamp { time.withLock { $0 } }
    var seconds: Int64 { now.microseconds / 1_000_000 }

    func advance(seconds: Int64) {
        time.withLock { $0 = Timestamp(microseconds: $0.microseconds + seconds * 1_000_000) }
    }
}

/// Files of access in a folder of their own, and what is demanded by them.
struct Stage {
    static let issuer = "https://issuer.example"
    static let audience = "daybook"

    let folder = made { try TemporaryFolder() }
    let clock = ManualClock()
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    var tokensPath: String { folder.path + "/tokens" }
    var keysPath: String { folder.path + "/keys.json" }
    var auditPath: String { folder.path + "/audit.jsonl" }

    func write(_ text: String, to path: String) throws { try SecureFile.replace(path, with: Array(text.utf8)) }

    func writeTokens(_ entries: TokenEntry...) throws {
        try SecureFile.replace(tokensPath, with: entries.flatMap(\.line))
    }

    func control(tokens: Bool = false, keys: Bool = false, certificates: Bool = false) async throws -> AccessControl {
        try await AccessControl(
            AccessDemands(
                tokens: tokens ? tokensPath : nil,
                webTokens: keys
                    ? AccessDemands.WebTokens(keys: keysPath, issuer: Self.issuer, audience: Self.audience) : nil,
                certificates: certificates),
            audit: AuditLog(auditPath, service: "test", logger: logger), logger: logger, clock: { [clock] in clock.now }
        )
    }

    /// The lines of the audit log, each a JSON object.
    func auditLines(of control: AccessControl) async throws -> [JSONValue] {
        await control.audit.flush()
        return try Self.lines(at: auditPath)
    }

    static func lines(at path: String) throws -> [JSONValue] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try data.split(separator: UInt8(ascii: "\n")).map { line in
            var reader = JSONReader(Array(line))
            let value = try reader.readValue()
            try reader.finish()
            return value
        }
    }
}

extension JSONValue {
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }
}

extension AccessControl {
    /// Who shows a token, its signature verified.
    func identity(of token: String) async -> Identity {
        let identity = identity(presenting: Presented(authorization: ["Bearer \(token)"]))
        guard case .unverified(let unverified) = identity else { return identity }
        return await self.identity(verifying: unverified)
    }

    func caller(of token: String) async -> Caller? { await identity(of: token).caller }

    /// Why a token is refused; empty if it is not.
    func refusal(of token: String) async -> String { await identity(of: token).reason }
}

extension AccessControl.Identity {
    var caller: Caller? {
        guard case .caller(let caller) = self else { return nil }
        return caller
    }

    var reason: String {
        guard case .refused(let reason) = self else { return "" }
        return reason
    }
}
