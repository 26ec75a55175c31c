import Glibc
import Synchronization
import TestSupport

/// The ways messages travel.
enum Transport: CaseIterable, Codable, Sendable {
    case tcp, ipc, inproc

    private static let serial = Atomic<Int>(0)

    /// An endpoint to bind; the system chooses the port.
    var newEndpoint: String {
        let number = Self.serial.add(1, ordering: .relaxed).newValue
        return switch self {
        case .tcp: "tcp://127.0.0.1:0"
        case .ipc: "ipc://\(SocketFiles.newPath(number))"
        case .inproc: "inproc://test-\(number)"
        }
    }
}

/// The files of ipc endpoints, which libzmq leaves behind; they go when the process ends.
private enum SocketFiles {
    private static let count = Atomic(0)
    private static let removal: Void = {
        atexit {
            for number in 0...count.load(ordering: .relaxed) { unlink(path(number)) }
        }
    }()

    static func newPath(_ number: Int) -> String {
        _ = removal
        count.max(number, ordering: .relaxed)
        return path(number)
    }

    private static func path(_ number: Int) -> String { "/tmp/daybook-zeromq-test-\(getpid())-\(number)" }
}

/// An endpoint that is known before anybody binds it, and that nobody else is given meanwhile.
final class ReservedEndpoint: Sendable {
    let endpoint: String
    private let descriptor: Int32

    /// For TCP, takes a port with a socket that never listens: libzmq may still bind it, the system gives it to no one.
    init(_ transport: Transport) throws {
        guard transport == .tcp else {
            descriptor = -1
            endpoint = transport.newEndpoint
            return
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
            }
        }
        endpoint = "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        guard result == 0 else { throw TooLate(description: "no port could be reserved") }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }
}

/// A TCP connection that knows nothing of ZeroMQ.
final class RawConnection: Sendable {
    private let descriptor: Int32

    /// Connects. An abrupt connection is reset when it is closed: thousands of them leave no ports behind in TIME_WAIT.
    init(to endpoint: String, isAbrupt: Bool = false) throws {
        guard let colon = endpoint.lastIndex(of: ":"), let port = UInt16(endpoint[endpoint.index(after: colon)...])
        else {
            throw TooLate(description: "no port in \(endpoint)")
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        if isAbrupt {
            var reset = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        }
        var address = loopback(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TooLate(description: "no raw connection to \(endpoint)") }
    }

    func write(_ bytes: [UInt8]) {
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    deinit { Glibc.close(descriptor) }
}

private func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
