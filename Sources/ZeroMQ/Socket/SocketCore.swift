internal import CZeroMQ
internal import Glibc

/// The libzmq socket itself, with what its loop needs to know of it.
///
/// Unchecked, because a reference travels to the loop's thread to be closed there; nothing else ever uses it elsewhere.
final class SocketCore: @unchecked Sendable {
    private(set) var pointer: UnsafeMutableRawPointer?
    var onReadable: (() -> Void)?
    var isPaused = false
    /// The socket that reports this one's connections; closed with it.
    var monitor: SocketCore?
    /// Where it is noted that nothing waits to be received, if the socket is guarded.
    var taken: TakenBytes?
    /// Called when this one is closed, to have a monitor closed that another loop owns.
    var whenClosed: (() -> Void)?

    init(_ role: SocketRole, context: Context) throws(ZeroMQError) {
        pointer = try context.makeSocket(role.type)
    }

    var wantsInput: Bool { pointer != nil && !isPaused && onReadable != nil }

    func becameReady() {
        guard wantsInput else { return }
        onReadable?()
    }

    func close() {
        guard let pointer else { return }
        self.pointer = nil
        if let monitor {
            // Before the monitoring end goes, or libzmq would wait for it.
            zmq_socket_monitor(pointer, nil, 0)
            monitor.close()
            self.monitor = nil
        }
        if let whenClosed {
            zmq_socket_monitor(pointer, nil, 0)
            whenClosed()
            self.whenClosed = nil
        }
        zmq_close(pointer)
        // Let go last, and not by the assignment itself: it may take the owner along, whose socket comes back here.
        let handler = onReadable
        onReadable = nil
        _ = consume handler
    }

    func set(_ option: Int32, _ value: Int32) throws(ZeroMQError) { try setBytes(option, value) }

    /// For the few options that are 64 bits wide.
    func set(_ option: Int32, wide value: Int64) throws(ZeroMQError) { try setBytes(option, value) }

    func set(_ option: Int32, text: String) throws(ZeroMQError) {
        guard zmq_setsockopt(pointer, option, text, text.utf8.count) == 0 else {
            throw .last("set ZeroMQ option \(option) to \(text)")
        }
    }

    /// Nothing of the key is in an error.
    func set(_ option: Int32, _ key: CurveSecretKey) throws(ZeroMQError) {
        let result = key.withCharacters { characters in
            // With the zero behind them, or libzmq would make a copy that it does not wipe.
            zmq_setsockopt(pointer, option, characters.baseAddress, characters.count + 1)
        }
        guard result == 0 else { throw .last("set ZeroMQ option \(option) to a key") }
    }

    /// libzmq refuses a value of another size than the option's, hence the exact types above.
    private func setBytes(_ option: Int32, _ value: some FixedWidthInteger) throws(ZeroMQError) {
        var value = value
        let result = zmq_setsockopt(pointer, option, &value, MemoryLayout.size(ofValue: value))
        guard result == 0 else { throw .last("set ZeroMQ option \(option) to \(value)") }
    }
}
