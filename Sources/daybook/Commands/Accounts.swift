internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Accounts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists accounts, as they are or as they were.",
        usage: "daybook accounts [options]",
        discussion: """
            A time is one of RFC 3339, a date (its first moment, UTC), or as long ago as 90s, 10m, 1h, 2d or 1w.

            Examples:
              daybook accounts --owner Alice
              daybook accounts --at 2026-01-02T03:04:05Z --json
              daybook accounts --at '1h ago'
            """)

    @Option(help: "Only this owner's.") var owner: String?
    @Option(help: "As they were at a time.") var at: String?
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One JSON object an account.") var json = false
    @OptionGroup var gateway: GatewayOptions

    func validate() throws { try requirePositive(limit) }

    func run() async throws {
        var path = "/accounts?limit=\(min(limit ?? 1000, 1000))"
        if let owner { path += "&owner=\(PercentEncoding.applied(to: owner))" }
        if let at { path += "&at=\(PercentEncoding.applied(to: TimeArgument.rfc3339(at)))" }
        var table = AccountTable()
        var left = limit ?? .max
        var pages = Pages(try await gateway.connection(), path)
        while left > 0, let accounts = try await pages.next() {
            for account in accounts.prefix(left) {
                if json { JSONOutput.line(account) } else { table.add(account) }
            }
            left -= accounts.count
        }
        if !json { table.print() }
    }
}
