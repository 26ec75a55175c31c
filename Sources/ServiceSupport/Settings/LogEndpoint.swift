internal import Glibc

/// An endpoint of the event log as libzmq takes it: `tcp://HOST:PORT` or `ipc://PATH`.
///
/// `localhost` is 127.0.0.1 to binder and peers alike: libzmq resolves it for peers only, and would refuse to bind to it.
struct LogEndpoint: Hashable, Sendable {
    enum Use {
        case bind, connect
    }

    /// The endpoint, `localhost` and `~` replaced.
    let text: String

    init(_ text: String, use: Use) throws(SettingError) {
        if text.hasPrefix("ipc://"), text.count > "ipc://".count {
            let path = try SettingPath.expanded(String(text.dropFirst("ipc://".count)))
            guard path.utf8.count <= Self.maxPathBytes else {
                throw SettingError("the path of a socket has at most \(Self.maxPathBytes) bytes")
            }
            self.text = "ipc://" + path
            return
        }
        guard text.hasPrefix("tcp://"), let address = HTTPAddress(String(text.dropFirst("tcp://".count))) else {
            throw SettingError("expected tcp://HOST:PORT, an IPv6 address in brackets, or ipc://PATH")
        }
        let host = address.host.lowercased()
        switch use {
        case .bind where !Self.isBindable(host):
            throw SettingError(
                "the log listens at an IP address, a network interface, localhost or *, not at a host name")
        case .connect where host == "*":
            throw SettingError("expected an address to connect to; * only says where the log listens")
        default:
            break
        }
        self.text = host == "localhost" ? "tcp://127.0.0.1:\(address.port)" : text
    }

    /// What fits in `sockaddr_un`, with the zero at its end.
    private static let maxPathBytes = 107

    /// Whether only this machine can reach an endpoint: `ipc://`, and TCP at 127.0.0.0/8 and ::1.
    static func isLocal(_ text: String) -> Bool {
        if text.hasPrefix("ipc://") { return true }
        guard text.hasPrefix("tcp://"), let address = HTTPAddress(String(text.dropFirst("tcp://".count))) else {
            return false
        }
        let host = address.host.lowercased()
        // As bytes in the network's order: a module of NIO claims the members of the system's own types.
        var v4 = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, host, &v4) == 1 { return v4[0] == 127 }
        var v6 = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET6, host, &v6) == 1 { return v6.dropLast().allSatisfy { $0 == 0 } && v6.last == 1 }
        return host == "localhost"
    }

    private static func isBindable(_ host: String) -> Bool {
        if host == "localhost" || host == "*" || host.contains(":") { return true }
        var address: UInt32 = 0
        return inet_pton(AF_INET, host, &address) == 1 || if_nametoindex(host) != 0
    }
}
