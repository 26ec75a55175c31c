internal import Foundation
internal import Testing

/// A folder that is removed with its owner.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes a folder of its own.
    public init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "daybook-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path()
    }

    deinit {
        // What a test used may still write its last file on a thread of its own: then it is removed with the next attempt.
        for attempt in 1...3 {
            do {
                return try FileManager.default.removeItem(atPath: path)
            } catch  where attempt < 3 {
                continue
            } catch {
                Issue.record(error, "cannot remove \(path)")
            }
        }
    }
}
