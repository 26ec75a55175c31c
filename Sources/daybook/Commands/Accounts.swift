internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Accounts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists accounts, as they are or as they were.",
        discussion: "Examples:\n  daybook accounts --owner Alice\n  daybook accounts --at 2026-01-02T03:04:05Z --json")

    @Option(help: "Only this owner's.") var owner: String?
    @Option(help: "As they were at a time of RFC 3339.") var at: String?
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One JSON object an account.") var json = false

    func run() async throws {
        let connection = HTTPConnection(address: try await Settings().command)
        var path: String? = "/accounts?limit=\(min(limit ?? 1000, 1000))"
        if let owner { path? += "&owner=\(PercentEncoding.applied(to: owner))" }
        if let at { path? += "&at=\(PercentEncoding.applied(to: at))" }
        var table = AccountTable()
        var left = max(0, limit ?? .max)
        while let page = path, left > 0 {
            let answer = try await connection.expect(page)
            guard case .array(let accounts) = answer.body else { break }
            for account in accounts.prefix(left) {
                if json { JSONOutput.line(account) } else { table.add(account) }
            }
            left -= accounts.count
            path = answer.next
        }
        if !json { table.print() }
    }
}
