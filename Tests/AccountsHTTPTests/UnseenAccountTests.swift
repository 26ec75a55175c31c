import Access
import Accounts
import EventSourcing
import HTTPTypes
import JSON
import ServiceSupport
import Testing

@testable import AccountsHTTP
@testable import CommandService

/// What a sender is told of accounts that it does not see.
@Suite struct UnseenAccountTests {
    private let domain = AccountCommands()
    private let ann = CommandSender(actor: "ann", reach: .prefix("own-"))
    private let own = stream("own-1")
    private let other = stream("secret")

    private func text(_ refusal: AccountRefusal, to sender: CommandSender?) -> String {
        String(decoding: domain.problem(for: refusal, of: own, to: sender).body, as: UTF8.self)
    }

    /// Every refusal that has figures, with figures that occur nowhere else.
    private static let refusals: [AccountRefusal] = [
        .insufficientFunds(
            available: money("77.77"), requested: money("78.00"), shortfall: money("0.23"), currency: .usd),
        .limitExceeded(maximum: money("77.77"), balance: money("66.66"), requested: money("12.00"), currency: .usd),
        .frozen(AccountFreeze(.credits, reason: "a secret suspicion")),
        .notEmpty(balance: money("77.77"), held: money("66.66"), currency: .usd),
        .alreadyReversed(version: 7777), .eventNotFound(version: 7777), .tooManyHolds(maximum: 7777),
        .holdResolved(HoldID("secret-hold")!, HoldResolution(.captured, version: 7777)),
        .amountOutOfRange(pointer: "/amount", detail: "7777 digits"), .closed, .notFound,
    ]
    private static let secrets = [
        "77", "66", "0.23", "suspicion", "credits", "secret-hold", "captured", "errors", "reason", "available",
        "balance",
        "maximum", "shortfall", "held", "version", "direction",
    ]

    @Test(arguments: refusals) func `a refusal of another account that is not seen tells no more than that`(
        refusal: AccountRefusal
    ) {
        let whole = domain.problem(for: .counterparty(other, refusal), of: own, to: nil)
        let told = domain.problem(for: .counterparty(other, refusal), of: own, to: ann)
        #expect(told.status == whole.status && told.name == whole.name && told.title == whole.title)
        #expect(told.members == [.init(name: "account", value: .string("secret"))])
        let text = String(decoding: told.body, as: UTF8.self)
        for secret in Self.secrets { #expect(!text.replacing(told.name, with: "").contains(secret), "\(text)") }
        // What is kept with a key is the same.
        guard case .refused(let status, let body)? = domain.record(of: .counterparty(other, refusal), on: own, for: ann)
        else { return }
        #expect(status == told.status.code && body == told.body)
    }

    @Test(arguments: refusals) func `of its own account, and of another that it sees, all is told`(
        refusal: AccountRefusal
    ) {
        #expect(text(refusal, to: ann) == text(refusal, to: nil))
        let seen = AccountRefusal.counterparty(stream("own-2"), refusal)
        #expect(text(seen, to: ann) == text(seen, to: nil))
        let everywhere = AccountRefusal.counterparty(other, refusal)
        #expect(text(everywhere, to: CommandSender(actor: "ann")) == text(everywhere, to: nil))
    }

    @Test func `the currency of another account is not told`() throws {
        let refusal = AccountRefusal.currencyMismatch(currency: .usd, other: try #require(Currency("EUR")))
        #expect(text(refusal, to: nil).contains("EUR"))
        #expect(!text(refusal, to: ann).contains("EUR"))
        #expect(text(refusal, to: ann).contains(#""currency":"USD""#))
    }

    @Test func `a record that cannot be applied is not told of`() {
        let record = RecordedEvent(
            position: 7777, stream: other, streamVersion: 1, recordedAt: seconds(1),
            event: NewEvent(id: UniqueID(high: 1, low: 1), type: "x", schemaVersion: 1, data: []),
            hash: Digest256(0, 0, 0, 0))
        let error = RevisionError(record, "a secret reason")
        let told = domain.problem(forUnreadable: error, to: ann)
        #expect(told.name == "account-unreadable" && told.status.code == 503 && told.headers[.retryAfter] == "60")
        let text = String(decoding: told.body, as: UTF8.self)
        #expect(!text.contains("7777") && !text.contains("reason"))
        #expect(domain.problem(forUnreadable: error, to: nil).members.count == 2)
    }

    @Test func `one that is not seen looks like one that does not exist`() {
        let unseen = domain.problem(forUnseen: other)
        #expect(unseen == domain.problem(for: .notFound, of: other, to: nil))
    }
}
