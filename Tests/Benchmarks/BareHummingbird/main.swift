// What Hummingbird alone does with the same route and the same JSON: the measure for Daybook's own cost.
import Foundation
import Hummingbird
import Logging

struct Command: Decodable {
    let type: String
    let amount: Double
}

struct AccountBody: ResponseEncodable {
    let id: String
    let owner: String
    let balance: Double
    let version: Int
    let currency: String
    let status: String
    let opened_at: String
    let updated_at: String
}

func account(_ id: String, balance: Double) -> AccountBody {
    AccountBody(
        id: id, owner: "Alice", balance: balance, version: 3, currency: "USD", status: "open",
        opened_at: "2026-01-02T03:04:05.678901Z", updated_at: "2026-01-02T03:05:00.000123Z")
}

let router = Router()
router.post("accounts/{id}") { request, context in
    let command = try await request.decode(as: Command.self, context: context)
    return account(try context.parameters.require("id"), balance: command.amount)
}
router.get("accounts/{id}") { _, context in
    account(try context.parameters.require("id"), balance: 1300)
}

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8090
var logger = Logger(label: "bare")
logger.logLevel = .warning
let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port), backlog: 1024), logger: logger)
try await application.runService()
