/// How long is waited for a server.
struct Timeouts: Sendable {
    /// For the answer to a statement that reads, or sets something up.
    var answer = Duration.seconds(30)
    /// For a commit, which waits for a synchronous standby; then the connection is given up.
    var commit = Duration.seconds(10)
    /// For a new connection that tells whether a commit took place whose answer did not come.
    var resolution = Duration.seconds(30)
    /// For the advisory lock of a program that has just ended.
    var lock = Duration.seconds(2)
}
