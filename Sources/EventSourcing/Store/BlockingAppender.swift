/// The appender of a store that is near: each write ends before ``begin(_:completed:)`` returns, on the caller's thread.
public struct BlockingAppender: EventAppender {
    private let store: any EventStore

    /// The appender of a store that one program at a time can open.
    public init(to store: any EventStore) { self.store = store }

    /// One: it has ended when the call returns.
    public var maxWritesUnderWay: Int { 1 }

    /// Writes, and passes the result to `completed` before it returns.
    public func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void) {
        completed(result(of: write))
    }

    /// Lasts as long as the store is open.
    public func lease() -> StoreLease? { StoreLease(epoch: 0, end: nil) }

    /// Nothing.
    public var delay: String? { nil }

    /// Never happens.
    public func whenEnded(_: @escaping @Sendable (any Error) -> Void) {}

    private func result(of write: StoreWrite) -> StoreWriteResult {
        do {
            switch write {
            case .append(let requests):
                let (results, records) = try store.append(requests)
                return .appended(results: results, records: records)
            case .keep(let snapshots):
                return .kept(try store.keep(snapshots))
            case .drop(let stream, let fingerprint, let version):
                try store.dropSnapshot(of: stream, fingerprint: fingerprint, version: version)
                return .done
            case .probe:
                try store.tryWriting()
                return .done
            }
        } catch let obstacle as StoreObstacle {
            return .obstructed(obstacle)
        } catch {
            return .failed(error)
        }
    }
}
