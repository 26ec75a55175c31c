internal import Accounts
internal import EventSourcing

/// The read model of the query service.
struct AccountReadModel: SimulatedReadModel {
    typealias State = Account

    static let name = AccountDirectory.name

    private var directory = AccountDirectory()

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) { directory.apply(record) }

    func difference(to revisions: [StreamID: Revision<Account>], at time: Timestamp) -> String? {
        guard directory.count == revisions.count else {
            return "there are \(revisions.count) accounts, and shown are \(directory.count)"
        }
        return revisions.values.lazy.compactMap { revision in
            directory.account(revision.stream.name) == revision ? nil : "\(revision.stream) is shown otherwise"
        }.first
    }
}
