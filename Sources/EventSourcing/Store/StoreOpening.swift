/// Opens a store that another program may have open, or that cannot be reached yet: by as many attempts as it takes.
///
/// The calls block, and are to be made by one thread at a time.
public protocol StoreOpening: Sendable {
    /// Tries once. Whoever waits for its turn tries again every 250 ms.
    ///
    /// - Returns: the open store. Whoever led before does not answer any more.
    /// - Throws: ``StoreObstacle`` if it may be opened later, `standby` if another program leads the log. Any other error
    ///   means that trying again does not help.
    func attempt() throws -> any EventStore

    /// Ends the attempts and what they hold. A store that was opened stays open.
    func close()
}
