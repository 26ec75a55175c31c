public import EventSourcing
internal import JSON

extension AccountDirectory: CheckpointedProjection {
    /// To be changed with every change of what the same records lead to, or of the form below.
    ///
    /// It names the types of events that are known, so that a program that knows more of them builds the directory anew,
    /// and accounts that were unreadable heal. One that reads more for another reason must have another number here.
    public static let schema =
        "accounts: a JSON object an unreadable account, a currency, an account, each in order; 2; "
        + "\(AccountEvent.types.joined(separator: " ")); \(Account.snapshotSchema)"

    /// Reads unreadable accounts, what moved in each currency, and accounts, a JSON object each.
    public init(reading nextLine: () throws -> [UInt8]?) throws {
        self.init()
        var number = 0
        while let line = try LongLine.read(nextLine) {
            number += 1
            do {
                try take(line)
            } catch {
                throw CheckpointError("line \(number) of the checkpoint cannot be read: \(error)")
            }
        }
    }

    private mutating func take(_ line: [UInt8]) throws {
        switch try AccountDirectoryLine(line) {
        case .unreadable(let account):
            guard fold.unreadable[account.name] == nil, count == 0 else {
                throw CheckpointError("the unreadable account \(account.name) stands twice, or after accounts")
            }
            fold.add(account)
        case .flows(let flows):
            guard count == 0 else { throw CheckpointError("the currency \(flows.currency) stands after accounts") }
            fold.add(flows)
        case .account(let account):
            guard fold.place(of: account.stream.name) == nil else {
                throw CheckpointError("the account \(account.stream.name) stands twice")
            }
            sortIn(fold.add(account))
        }
    }

    /// Writes the unreadable accounts in the order of their positions, the currencies in the order of their codes, and the
    /// accounts in the order of their names.
    public func write(_ line: ([UInt8]) throws -> Void) rethrows {
        for account in fold.unreadable.inOrder { try line(AccountDirectoryLine.unreadable(account).bytes) }
        for flows in fold.totals.flows { try line(AccountDirectoryLine.flows(flows).bytes) }
        var last: String?
        while true {
            let page = places(after: last, in: .all, ownedBy: nil, limit: 1000)
            for place in page {
                try LongLine.write(AccountDirectoryLine.account(fold.accounts[place]).bytes, line)
            }
            guard let place = page.last else { return }
            last = fold.accounts[place].stream.name
        }
    }
}
