internal import EventSourcing

/// Accounts, each at a place that it keeps.
///
/// Cut into chunks: a table that grows moves nothing, and a copy of it, as a checkpoint takes one, shares all chunks but
/// those in which an account changes meanwhile.
struct AccountTable: Sendable {
    private static let chunkSize = 256

    private var chunks: [ContiguousArray<Revision<Account>>] = []

    /// The number of accounts.
    private(set) var count = 0

    /// The account at a place.
    subscript(_ place: Int32) -> Revision<Account> {
        _read { yield chunks[Int(place) / Self.chunkSize][Int(place) % Self.chunkSize] }
        _modify { yield &chunks[Int(place) / Self.chunkSize][Int(place) % Self.chunkSize] }
    }

    /// Adds an account.
    ///
    /// - Returns: its place.
    mutating func append(_ account: Revision<Account>) -> Int32 {
        if count % Self.chunkSize == 0 {
            chunks.append([])
            chunks[chunks.count - 1].reserveCapacity(Self.chunkSize)
        }
        chunks[chunks.count - 1].append(account)
        count += 1
        return Int32(count - 1)
    }
}
