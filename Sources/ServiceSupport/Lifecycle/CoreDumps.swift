internal import CLinux
internal import Glibc

/// What becomes of the process's memory if it crashes: it holds keys, tokens and the accounts of others.
package enum CoreDumps {
    /// Whether the system may write dumps, as its limits have it.
    package static let setting = Setting(
        "CORE_DUMPS", default: "no", help: "yes: a crash may leave a core dump, as the system's limits have it"
    ) { text throws(SettingError) in
        guard text == "yes" || text == "no" else { throw SettingError("expected yes or no") }
        return text == "yes"
    }

    /// Has no dump written of this process, nor by it.
    ///
    /// The limit alone does not hold for a dump that is piped into a program (core(5)). A process that is not dumpable
    /// is neither dumped nor traced, and other processes of its user cannot read its environment or memory in `/proc`
    /// (PR_SET_DUMPABLE in prctl(2)).
    package static func prevent() {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        // Neither can fail: a limit may always be lowered.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        _ = clinux_set_dumpable(0)
    }
}
