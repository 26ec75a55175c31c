#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The system's random numbers, fetched some at a time: a call of the system for each would cost more than all else that
/// is done for an event's id.
///
/// For what must be unique, not for secrets: what was fetched lies in memory until it is used.
struct BufferedRandomness: RandomNumberGenerator {
    /// What the system gives at once: 256 bytes.
    private static let count = 32

    private var system = SystemRandomNumberGenerator()
    private var numbers: [UInt64] = []

    mutating func next() -> UInt64 {
        if numbers.isEmpty { refill() }
        return numbers.popLast() ?? system.next()
    }

    /// Leaves it empty where the system cannot give so many.
    private mutating func refill() {
        numbers = [UInt64](unsafeUninitializedCapacity: Self.count) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            guard let start = raw.baseAddress, getentropy(start, Self.count * 8) == 0 else { return }
            count = Self.count
        }
    }
}
