internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Counts the bytes of messages that libzmq holds: from when they were given to it until it has sent or dropped them.
///
/// libzmq's own limits count messages, whatever their size.
public final class SendMeter: Sendable {
    private let total: SendMeter?
    private let count = Atomic<Int>(0)

    /// A meter that counts nothing yet.
    ///
    /// - Parameter total: a meter that counts everything that this one counts, too.
    public init(partOf total: SendMeter? = nil) { self.total = total }

    /// The bytes that libzmq holds.
    public var bytes: Int { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) {
        count.add(bytes, ordering: .relaxed)
        total?.add(bytes)
    }
}

/// Memory of a message that tells a meter when libzmq lets go of it.
enum MeteredMemory {
    private struct Head {
        let meter: Unmanaged<SendMeter>
        let bytes: Int
    }

    /// A multiple of what memory must be aligned to.
    private static let headSize = 32

    /// - Returns: false if there is no memory.
    static func initialize(_ message: inout zmq_msg_t, byteCount: Int, _ meter: SendMeter, _ bytes: Int) -> Bool {
        guard let memory = malloc(headSize + byteCount) else { return false }
        memory.initializeMemory(as: Head.self, to: Head(meter: .passRetained(meter), bytes: bytes))
        meter.add(bytes)
        let result = zmq_msg_init_data(
            &message, memory + headSize, byteCount, { _, memory in MeteredMemory.letGo(memory) }, memory)
        guard result == 0 else {
            letGo(memory)
            return false
        }
        return true
    }

    /// On whatever thread libzmq lets go.
    private static func letGo(_ memory: UnsafeMutableRawPointer?) {
        guard let memory else { return }
        let head = memory.assumingMemoryBound(to: Head.self).pointee
        head.meter.takeUnretainedValue().add(-head.bytes)
        head.meter.release()
        free(memory)
    }
}
