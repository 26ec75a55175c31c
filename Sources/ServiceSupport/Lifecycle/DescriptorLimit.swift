#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How many files and connections the process may have open at once, and who gets which share of them.
///
/// libzmq ends the process when it cannot get a descriptor, and NIO tries again without a pause, so that nobody who
/// connects may take the last ones: clients over HTTP get three fifths of what is left beside the process's own, and peers
/// of an event log three tenths.
package enum DescriptorLimit {
    /// With fewer the parts of a service do not even start.
    private static let least = 128

    /// The limit of the process.
    package static var current: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit to the highest that the system allows.
    ///
    /// - Throws: ``ServiceFailure`` if it cannot be raised, or is too low to run a service.
    static func raise() throws(ServiceFailure) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw ServiceFailure("cannot raise the limit of open files to \(limit.rlim_cur): errno \(errno)")
        }
        guard limit.rlim_cur >= least else {
            throw ServiceFailure(
                "the system allows the process \(limit.rlim_cur) open files; at least \(least) are needed (ulimit -n)")
        }
    }

    /// The most connections from HTTP clients, of a limit.
    package static func clients(of limit: Int) -> Int { max(16, (limit - own) / 5 * 3) }

    /// The most connections to other services, of a limit.
    package static func upstream(of limit: Int) -> Int { max(8, (limit - own) / 4) }

    /// The most connections of one of the three sockets of an event log, of a limit.
    package static func logPeers(of limit: Int) -> Int { max(2, (limit - own) / 10) }

    /// What the process needs itself: files, sockets of libzmq, and three for each event loop.
    private static var own: Int { 64 + 4 * Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
