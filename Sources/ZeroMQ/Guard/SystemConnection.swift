internal import Glibc

/// What Linux knows of a connection by its descriptor, which libzmq owns and may close at any moment.
struct SystemConnection: Hashable, Sendable {
    /// `SO_COOKIE`: no two sockets share it while the system runs.
    private static let cookieOption: Int32 = 57
    /// The place of `tcpi_bytes_received` in `struct tcp_info` (linux/tcp.h, since Linux 4.1).
    private static let receivedOffset = 128

    let id: ConnectionID
    private var descriptor: Int32 { id.descriptor }

    /// Nil if the descriptor is no socket (any more).
    init?(_ descriptor: Int32) {
        guard let cookie = Self.cookie(of: descriptor) else { return nil }
        id = ConnectionID(descriptor: descriptor, cookie: cookie)
    }

    /// The bytes that the peer has sent, as far as TCP has them; nil if the connection has ended or is not TCP.
    var receivedBytes: UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { info -> UInt64? in
            var size = socklen_t(info.count)
            guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &size) == 0,
                Int(size) >= Self.receivedOffset + 8
            else { return nil }
            return info.loadUnaligned(fromByteOffset: Self.receivedOffset, as: UInt64.self)
        }
    }

    /// The peer's address and port, for people.
    var peer: String {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { address in
            var size = socklen_t(address.count)
            let start = address.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            guard getpeername(descriptor, start, &size) == 0 else { return "a peer that is gone" }
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { port in
                    guard
                        getnameinfo(
                            start, size, text.baseAddress, 128, port.baseAddress, 32, NI_NUMERICHOST | NI_NUMERICSERV)
                            == 0, let text = text.baseAddress, let port = port.baseAddress
                    else { return "a peer on this machine" }
                    return "\(String(cString: text)):\(String(cString: port))"
                }
            }
        }
    }

    /// Ends the connection; libzmq then closes it. Does nothing if the descriptor belongs to another one by now.
    func end() {
        guard Self.cookie(of: descriptor) == id.cookie else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private static func cookie(of descriptor: Int32) -> UInt64? {
        var cookie: UInt64 = 0
        var size = socklen_t(MemoryLayout<UInt64>.size)
        return getsockopt(descriptor, SOL_SOCKET, cookieOption, &cookie, &size) == 0 ? cookie : nil
    }
}
