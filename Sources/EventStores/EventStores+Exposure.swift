public import EventSourcing
internal import SQLiteEventStore

extension EventStores {
    /// A warning that others than its owner may read or write what holds the log, and what to do about it; nil if there is
    /// none, or if it is not this machine that decides.
    public static func exposure(of address: StoreAddress) -> String? {
        switch address {
        case .sqlite(let path): SQLiteEventStore.exposure(of: path)
        case .postgresql: nil
        }
    }
}
