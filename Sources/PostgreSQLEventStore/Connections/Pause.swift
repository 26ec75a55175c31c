#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The pause between two attempts at something that nothing tells when to try again. Blocks: for the store's own threads.
enum Pause {
    /// 50 milliseconds.
    static func short() { usleep(50_000) }

    /// Until a moment.
    static func until(_ moment: ContinuousClock.Instant) {
        while .now < moment { usleep(UInt32((moment - .now).pollTimeout) * 1000) }
    }
}
