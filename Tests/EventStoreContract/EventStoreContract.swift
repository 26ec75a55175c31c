/// What every event store must do, whatever database is behind it.
///
/// A store's own test target runs all of it:
///
///     @Test(arguments: EventStoreContract.checks)
///     func contract(_ check: EventStoreCheck) throws {
///         try check.run(in: StorePlace(open: …, close: …))
///     }
public enum EventStoreContract {
    /// Every check. Each needs a place of its own, where no log is yet.
    public static let checks: [EventStoreCheck] =
        orderChecks + chainChecks + appendChecks + multipleStreamChecks + checkChecks + expectedVersionChecks
        + missedEventChecks + batchChecks + commandKeyChecks
        + validityChecks + timeChecks + momentChecks + byteChecks + readChecks + snapshotChecks + snapshotModelChecks
        + durabilityChecks + concurrencyChecks + modelChecks
}
