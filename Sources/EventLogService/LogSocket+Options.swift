internal import ZeroMQ

extension LogSocket {
    /// The options that all sockets of the log have in common.
    func options(_ security: LogSecurity?) -> SocketOptions {
        var options = SocketOptions()
        options.lingerMilliseconds = 500
        options.domain = domain
        options.security = security.ofSockets
        return options
    }
}
