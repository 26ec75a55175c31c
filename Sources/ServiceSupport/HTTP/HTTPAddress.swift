internal import Glibc

/// Where an HTTP service listens: a host name or IP address and a port.
public struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name, an IPv4 address, or an IPv6 address without its brackets.
    public let host: String
    /// The port; 0 lets the system choose.
    public let port: Int

    /// Reads `HOST:PORT` or `[IPV6]:PORT`; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || "/[]".contains($0) }) else { return nil }
        self.host = String(host)
        self.port = Int(port)
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach it: 127.0.0.0/8, ::1 and `localhost`; any other name may be anything.
    package var isLoopback: Bool {
        // As in in_addr and in6_addr: in the order of the network.
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, host, &four) == 1 { return four[0] == 127 }
        var six = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET6, host, &six) == 1 { return six == Array(repeating: 0, count: 15) + [1] }
        return host.lowercased() == "localhost"
    }
}
