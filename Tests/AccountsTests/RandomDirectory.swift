import Accounts
import EventSourcing
import TestSupport

/// A directory of accounts made of a random history, and the same accounts in a plain dictionary.
struct RandomDirectory {
    private(set) var directory = AccountDirectory()
    private(set) var model: [String: Revision<Account>] = [:]
    private(set) var records: [RecordedEvent] = []
    let owners: [String]
    /// In the order in which they were opened: that of a dictionary is another in every run.
    private var names: [String] = []
    private(set) var generator: SeededGenerator
    private var position: UInt64 = 0
    private var time: Int64 = 0

    /// Random accounts, of a few owners, opened one after another with events of others in between.
    init(seed: UInt64, accounts: Int) throws {
        generator = SeededGenerator(seed: seed)
        var generator = generator
        owners = (0..<4).map { _ in Self.owner(&generator) }
        self.generator = generator
        while model.count < accounts {
            try open()
            for _ in 0..<below(4) { try move() }
        }
    }

    /// An owner of 1 to 20 random characters, control characters among them.
    static func owner(_ generator: inout SeededGenerator) -> String {
        var owner = ""
        for _ in 0..<Int.random(in: 1...20, using: &generator) {
            guard let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator)) else { continue }
            owner.unicodeScalars.append(scalar)
        }
        return owner.isEmpty ? "A" : owner
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    /// A time around those of the history, often one at which several accounts were opened.
    mutating func moment() -> Timestamp { Timestamp(microseconds: Int64(below(Int(time) + 3)) - 1) }

    /// Moves money on so many accounts, and opens one more.
    mutating func goOn(_ count: Int) throws {
        try open()
        for _ in 0..<count { try move() }
    }

    /// Goes on with another directory, which must hold the same.
    mutating func resume(from directory: AccountDirectory) {
        self.directory = directory
    }

    private mutating func open() throws {
        let alphabet = Array("ABCxyz019._~-")
        var name: String
        repeat { name = String((0...below(5)).map { _ in alphabet[below(alphabet.count)] }) } while model[name] != nil
        let currency = currencies[below(currencies.count)]
        let balance =
            Money(minorUnits: Int64(below(1000)), fractionDigits: currency.fractionDigits) ?? .zero(in: currency)
        names.append(name)
        try record(.opened(owner: owners[below(owners.count)], initialBalance: balance, currency: currency), of: name)
    }

    private mutating func move() throws {
        let name = names[below(names.count)]
        guard let account = model[name] else { return }
        let digits = account.state.currency.fractionDigits
        guard let amount = Money(minorUnits: Int64(1 + below(500)), fractionDigits: digits) else { return }
        let isCovered = amount <= account.state.balance
        try record(isCovered && below(2) == 0 ? .withdrawn(amount: amount) : .deposited(amount: amount), of: name)
    }

    private mutating func record(_ event: AccountEvent, of name: String) throws {
        guard let stream = StreamID(category: Account.category, name: name) else { return }
        position += 1
        time += Int64(below(3))
        let revision = model[name] ?? Revision<Account>(of: stream)
        let record = RecordedEvent(
            position: position, stream: stream, streamVersion: revision.version + 1,
            recordedAt: Timestamp(microseconds: time),
            event: NewEvent(
                id: UniqueID(high: generator.next(), low: generator.next()), type: event.type,
                schemaVersion: event.schemaVersion, data: event.encoded()),
            hash: Digest256(0, 0, 0, 0))
        var next = revision
        try next.apply(record)
        model[name] = next
        directory.apply(record)
        records.append(record)
    }
}
