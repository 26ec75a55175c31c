public import NIOCore

/// Who a client is for limits: its IPv4 address, or the first 64 bits of its IPv6 address, which one network has.
public struct ClientAddress: Hashable, Sendable {
    private let bits: UInt64
    private let isIPv6: Bool

    /// The address of a peer; those without an IP address count as one.
    public init(_ address: SocketAddress?) {
        let bytes = address?.packedAddress ?? []
        // An IPv4 client of a listener for both (RFC 4291, section 2.5.5.2).
        let isMapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10...11] == [0xff, 0xff]
        isIPv6 = bytes.count == 16 && !isMapped
        bits = (isMapped ? bytes.suffix(4) : bytes.prefix(8)).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension SocketAddress {
    /// The 4 or 16 bytes of an IP address; nil for any other.
    fileprivate var packedAddress: [UInt8]? {
        // Where they stand in sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).
        let place: Range<Int>
        switch self.protocol {
        case .inet: place = 4..<8
        case .inet6: place = 8..<24
        default: return nil
        }
        return withSockAddr { address, size in
            let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: size)
            return place.upperBound <= size ? [UInt8](bytes[place]) : nil
        }
    }
}
