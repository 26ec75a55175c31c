internal import Access
internal import NIOCore
internal import Synchronization

/// Who asks on each connection, for handlers, which know of a request only the connection that it came on.
///
/// One request at a time is answered on a connection, so there is one entry for each. A connection without one is open to
/// everybody, or closed to everybody, as the server is.
final class AdmittedCallers: Sendable {
    private let standard: Caller
    private let callers = Mutex<[ObjectIdentifier: Caller]>([:])
    /// So that a server that is open to everybody takes no lock.
    private let isUsed = Atomic<Bool>(false)

    /// - Parameter isOpen: whether a connection without an entry is open to everybody.
    init(isOpen: Bool) { standard = isOpen ? .unrestricted : .stranger }

    /// Who asks on a connection.
    func caller(on channel: any Channel) -> Caller {
        guard isUsed.load(ordering: .acquiring) else { return standard }
        return callers.withLock { $0[ObjectIdentifier(channel)] } ?? standard
    }

    /// From now on a caller asks on a connection.
    func set(_ caller: Caller, on channel: any Channel) {
        if caller == standard {
            remove(channel)
        } else {
            isUsed.store(true, ordering: .releasing)
            callers.withLock { $0[ObjectIdentifier(channel)] = caller }
        }
    }

    /// A connection has ended.
    func remove(_ channel: any Channel) {
        guard isUsed.load(ordering: .acquiring) else { return }
        callers.withLock { $0[ObjectIdentifier(channel)] = nil }
    }
}
