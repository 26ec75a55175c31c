internal import Synchronization

/// One connection of a guarded socket. Its descriptor alone would not do: a later connection may be given it again.
public struct ConnectionID: Hashable, Sendable {
    /// The descriptor that libzmq has the connection under.
    public let descriptor: Int32
    let generation: UInt64

    /// A connection from its parts.
    package init(descriptor: Int32, generation: UInt64) {
        self.descriptor = descriptor
        self.generation = generation
    }
}

/// What the owner of a guarded socket and its guard tell each other: the bytes that the owner took from each
/// connection, and which connection has a descriptor at present.
///
/// Unchecked, because the memory holds nothing but atomics, and is neither moved nor freed before the object ends.
final class TakenBytes: @unchecked Sendable {
    /// Connections with a greater descriptor are not admitted by the guard.
    static let capacity: Int32 = 16_384

    private struct Cell: ~Copyable {
        let bytes = Atomic<UInt64>(0)
        let generation = Atomic<UInt64>(0)
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

    /// Another connection has the descriptor, or none.
    func noteChange(of descriptor: Int32) {
        guard Self.holds(descriptor) else { return }
        cells[Int(descriptor)].generation.wrappingAdd(1, ordering: .relaxed)
    }

    func connection(_ descriptor: Int32) -> ConnectionID {
        ConnectionID(
            descriptor: descriptor,
            generation: Self.holds(descriptor) ? cells[Int(descriptor)].generation.load(ordering: .relaxed) : 0)
    }

    private static func holds(_ descriptor: Int32) -> Bool { descriptor >= 0 && descriptor < capacity }
}
