/// The timeouts for a server.
struct Timeouts: Sendable {
    /// For the answer to a statement that reads, or sets something up.
    var answer = Duration.seconds(30)
    /// For what the writer asks before it decides, and for a statement of who stands by: another server may be the one.
    var lookup = Duration.seconds(5)
    /// For a commit, which waits for a synchronous standby; then the connection is closed, and what became of it is
    /// found out through a new one.
    var commit = Duration.seconds(5)
    /// For a new connection, until a write that was not sent yet is refused since the database is not available.
    var reconnection = Duration.seconds(5)
    /// For a new connection that finds out whether a commit took place whose answer did not come: until a call that
    /// blocks returns without knowing.
    var resolution = Duration.seconds(30)
    /// Between two looks at the server's settings.
    var settings = Duration.seconds(10)
    /// For the advisory lock of a program that has just ended.
    var lock = Duration.seconds(2)
}
