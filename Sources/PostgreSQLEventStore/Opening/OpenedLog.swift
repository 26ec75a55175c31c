internal import EventSourcing

/// A log whose lead was taken, with the connection that has it.
struct OpenedLog {
    let string: ConnectionString
    let timeouts: Timeouts
    let faults: Faults
    let clock: @Sendable () -> Timestamp
    let connection: Connection
    let identity: Schema.Identity
    let lead: Lead
    let head: LogHead
    let durability: Durability
    /// For the thread that keeps the lead. Made before the lead was taken: a process without descriptors deposes nobody.
    let wakeUp: WakeUp
}
