#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The pause between two attempts at something that nothing tells when to try again. Blocks: for the store's own threads.
enum Pause {
    /// 50 milliseconds.
    static func short() { usleep(50_000) }
}
