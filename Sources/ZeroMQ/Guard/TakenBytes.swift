internal import Synchronization

/// What the owner of a guarded socket and its guard tell each other: the bytes that the owner took from each
/// connection.
///
/// Unchecked, because the memory holds nothing but atomics, and is neither moved nor freed before the object ends.
final class TakenBytes: @unchecked Sendable {
    /// Connections with a greater descriptor are not admitted by the guard.
    static let capacity: Int32 = 16_384

    private struct Cell: ~Copyable {
        let bytes = Atomic<UInt64>(0)
    }

    private let drained = Atomic<UInt64>(0)
    private let cells: UnsafeMutablePointer<Cell>

    init() {
        cells = .allocate(capacity: Int(Self.capacity))
        for index in 0..<Int(Self.capacity) { (cells + index).initialize(to: Cell()) }
    }

    deinit {
        cells.deinitialize(count: Int(Self.capacity))
        cells.deallocate()
    }

    func add(_ bytes: Int, from descriptor: Int32) {
        guard Self.holds(descriptor) else { return }
        cells[Int(descriptor)].bytes.wrappingAdd(UInt64(clamping: bytes), ordering: .relaxed)
    }

    func count(of descriptor: Int32) -> UInt64 {
        Self.holds(descriptor) ? cells[Int(descriptor)].bytes.load(ordering: .relaxed) : 0
    }

    /// How often the owner found that no whole message waits.
    var drains: UInt64 { drained.load(ordering: .relaxed) }

    func noteDrained() { drained.wrappingAdd(1, ordering: .relaxed) }

    private static func holds(_ descriptor: Int32) -> Bool { descriptor >= 0 && descriptor < capacity }
}
