internal import Access
internal import EventSourcing
internal import Foundation
internal import Logging
internal import SecureFiles

/// What a request costs before it is known what it asks for.
enum AccessParts {
    static let all = [authenticate]

    /// Who shows a token, of a hundred that there are.
    private static let authenticate = HotPart("authenticate") { count in
        let folder = FileManager.default.temporaryDirectory.appending(path: "hot-parts-\(UUID().uuidString)")
        let path = folder.appending(path: "tokens").path()
        let tokens = (0..<100).map { "dbk_\(String(repeating: "\($0 % 10)", count: 42))\($0 / 10)" }
        let entries = tokens.enumerated().map { index, token in
            TokenEntry(name: "t\(index)", role: .teller, digest: TokenText.digest(of: token))
        }
        try SecureFile.replace(path, with: entries.flatMap(\.line))
        let access = try control(path)
        let presented = tokens.map { AccessControl.Presented(authorization: ["Bearer \($0)"]) }
        for index in 0..<count {
            guard case .caller(let caller) = access.identity(presenting: presented[index % 100]), caller.actor != nil
            else { throw WrongResult(part: "authenticate") }
            use(caller)
        }
        try FileManager.default.removeItem(at: folder)
    }

    private static func control(_ path: String) throws -> AccessControl {
        let logger = Logger(label: "hot-parts", factory: { _ in SwiftLogNoOpLogHandler() })
        // Written before the semaphore is signalled, read after that.
        final class Box: @unchecked Sendable { var control: AccessControl? }
        let box = Box()
        let isDone = DispatchSemaphore(value: 0)
        Task {
            do {
                box.control = try await AccessControl(
                    AccessDemands(tokens: path), audit: AuditLog(nil, service: "", logger: logger), logger: logger)
            } catch {
                fatalError("\(error)")
            }
            isDone.signal()
        }
        isDone.wait()
        guard let control = box.control else { throw WrongResult(part: "authenticate") }
        return control
    }
}
