internal import EventSourcing

/// Begins writes without waiting for the database.
struct PostgreSQLAppender: EventAppender {
    let state: LeadState
    let inbox: WriterInbox

    /// The second is decided on what the first will have written, and sent behind it.
    var maxWritesUnderWay: Int { 2 }

    func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void) {
        inbox.begin(write, completed: completed)
    }

    func lease() -> StoreLease? { state.lease() }

    var delay: String? { state.delay }

    func whenEnded(_ body: @escaping @Sendable (any Error) -> Void) { state.whenEnded(body) }
}
