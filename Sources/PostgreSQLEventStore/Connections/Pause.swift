#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The pause between two attempts at something whose next chance nothing reports. Blocks: for the store's own threads.
enum Pause {
    /// 50 milliseconds.
    static func short() { _ = poll(nil, 0, 50) }

    /// Until a moment.
    static func until(_ moment: ContinuousClock.Instant) {
        while .now < moment { _ = poll(nil, 0, (moment - .now).pollTimeout) }
    }
}
