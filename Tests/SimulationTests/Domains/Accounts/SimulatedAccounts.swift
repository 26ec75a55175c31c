internal import Accounts
internal import EventSourcing

/// The domain of Daybook, with every command that it has, in two currencies.
enum SimulatedAccounts: SimulatedDomain {
    typealias State = Account
    typealias Books = AccountBooks
    typealias ReadModel = AccountReadModel

    static let maxStreams = 4
    static let eventTypes = Set(AccountEvent.types)
    private static let eur = Currency("EUR") ?? .usd

    static func command(
        to stream: StreamID, among streams: [StreamID], seen: UInt64, _ world: World
    ) -> AccountCommand {
        guard seen > 0 || world.onceIn(4) else { return opening(of: stream, world) }
        return switch world.between(1...20) {
        case 1: opening(of: stream, world)
        case 2...3: .deposit(amount: amount(world), details: details(world))
        case 4...5: .withdraw(amount: amount(world))
        case 6...9: .transfer(to: world.oneOf(streams), amount: amount(world), details: details(world))
        case 10...11: .placeHold(hold: hold(world), amount: amount(world), expiry: expiry(world))
        case 12...13:
            .captureHold(
                hold: hold(world), amount: world.onceIn(2) ? amount(world) : nil,
                to: world.onceIn(2) ? world.oneOf(streams) : nil)
        case 14: .releaseHold(hold: hold(world))
        case 15:
            world.onceIn(2)
                ? .setLimits(overdraft: limit(world), maximumBalance: .unchanged)
                : .setLimits(overdraft: .unchanged, maximumBalance: limit(world))
        case 16: .freeze(direction: world.oneOf([.debits, .credits, .all]), reason: "suspicion")
        case 17: .unfreeze(reason: "none")
        case 18: world.onceIn(4) ? .close(reason: "the end") : .withdraw(amount: amount(world))
        // Often what its client has just done.
        default: .reverse(version: world.onceIn(2) ? seen : world.between(0...seen + 1), reason: "a mistake")
        }
    }

    static func fingerprint(of command: AccountCommand) -> Digest256 { Digest256(hashing: command.canonicalBytes) }

    static func isHarmless(_ event: AccountEvent) -> Bool {
        switch event {
        case .received, .holdExpired: true
        case .reversed(let reversal): reversal.direction == .credit
        default: false
        }
    }

    /// A malformed command binds no key.
    static func isKept(_ refusal: AccountRefusal) -> Bool {
        if case .invalidField = refusal { false } else { true }
    }

    private static func opening(of stream: StreamID, _ world: World) -> AccountCommand {
        .open(
            owner: "somebody", initialBalance: number(world.oneOf([0, 20, 100])),
            currency: stream.name.hasSuffix("4") ? eur : .usd, overdraft: world.onceIn(4) ? amount(world) : nil,
            maximumBalance: world.onceIn(4) ? number(120) : nil)
    }

    private static func amount(_ world: World) -> DecimalNumber { number(world.oneOf([1, 5, 20, 60])) }

    private static func limit(_ world: World) -> LimitChange<DecimalNumber> {
        world.onceIn(3) ? .removed : .set(number(world.oneOf([0, 30, 150])))
    }

    /// Few, so that they meet again.
    private static func hold(_ world: World) -> HoldID {
        guard let hold = HoldID("h\(world.between(1...5))") else { preconditionFailure("it is the name of a hold") }
        return hold
    }

    /// Soon, so that it comes about.
    private static func expiry(_ world: World) -> HoldExpiry? {
        switch world.between(1...4) {
        case 1: nil
        case 2: .after(seconds: 1)
        default: .at(Timestamp(microseconds: world.timestamp.microseconds + world.between(0...200_000)))
        }
    }

    private static func details(_ world: World) -> MovementDetails {
        world.onceIn(4) ? MovementDetails(reference: "r\(world.between(1...3))") : .none
    }

    /// A whole number, which must be small.
    static func number(_ number: Int64) -> DecimalNumber {
        guard let number = DecimalNumber(number) else { preconditionFailure("it is small") }
        return number
    }
}
