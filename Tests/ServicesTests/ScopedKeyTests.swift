import Access
import EventSourcing
import Testing

@testable import CommandService

@Suite struct ScopedKeyTests {
    private static let stream = MachineStage.stream("t")

    private static func order(_ key: String, by sender: CommandSender?) throws -> CommandOrder<Tally> {
        let key = try IdempotencyKey(key, stream: stream, canonicalCommand: Array("1".utf8))
        return CommandOrder(.count(1), on: stream, key: key, sender: sender, recordOfRefusal: { _ in nil })
    }

    /// The log keeps them for ever, so these never change. Made with Python's hashlib.
    @Test(arguments: [
        ("till-3", "013bae6063e3eafc1c83c0b72ca3a48bb48d6ed5a7c7b72d1fb950845cf313bc1b"),
        ("Zoë", "016437d0b4816413da5ad4c463793732cb467f594a48d9676cd7e0e53042f86152"),
    ])
    func `an actor's key has these bytes`(actor: String, digits: String) throws {
        let key = try #require(try Self.order("payment-17", by: CommandSender(actor: actor)).key)
        #expect(key.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == digits)
        // What it binds is the same command.
        #expect(key.fingerprint == (try Self.order("payment-17", by: nil).key?.fingerprint))
    }

    @Test func `without an actor it is the key itself`() throws {
        for sender in [nil, CommandSender(actor: nil, reach: .one("t"))] {
            #expect(try Self.order("payment-17", by: sender).key?.bytes == Array("payment-17".utf8))
            #expect(try Self.order("\"payment-17\"", by: sender).key?.bytes == Array("payment-17".utf8))
        }
    }

    @Test func `no other actor and key have the same, however they are cut`() throws {
        let pairs = [("a", "bc"), ("ab", "c"), ("abc", "d"), ("a", "bcd"), ("", "abc")]
        let keys = try pairs.map { try Self.order($0.1, by: CommandSender(actor: $0.0)).key?.bytes }
        #expect(Set(keys).count == pairs.count)
    }

    @Test func `a caller who is nobody and sees all costs an order nothing`() {
        #expect(CommandSender.of(.unrestricted) == nil)
        let known = CommandSender.of(Caller(actor: "ann", standing: .role(.teller)))
        #expect(known?.actor == "ann" && known?.seesAll == true)
        let narrow = CommandSender.of(Caller.unrestricted.narrowed(to: .prefix("till-")))
        #expect(narrow?.actor == nil && narrow?.seesAll == false)
        #expect(narrow?.sees(MachineStage.stream("till-1")) == true && narrow?.sees(Self.stream) == false)
        #expect(CommandSender.of(.stranger)?.sees(Self.stream) == false)
        #expect((nil as CommandSender?).sees(Self.stream) && (nil as CommandSender?).seesAll)
    }
}
