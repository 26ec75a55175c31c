internal import NIOCore

/// The hosts under which a server is asked: a page of a browser whose name was made to lead here asks under its own.
///
/// Ports are not compared: a forwarded port is another one, and no page can choose the address that it was loaded from.
struct AllowedHosts: Sendable {
    private let names: Set<String>

    /// - Parameters:
    ///   - names: those of the settings.
    ///   - listener: the host that the server was told to listen at.
    init(_ names: [String], listener: String) {
        let all = names + [listener, "localhost"]
        self.names = Set(all.compactMap { Authority($0.contains(":") ? "[\($0)]" : $0)?.host })
    }

    /// Whether a host is allowed on a connection to an address of the server.
    func allow(_ host: String, at address: SocketAddress?) -> Bool {
        if names.contains(host) { return true }
        guard let local = address?.ipAddress, let asked = Self.canonical(host) else { return false }
        return Self.canonical(local) == asked
    }

    /// Whether a page of an origin (RFC 6454) was loaded from the host that it asks now. `null` is the origin of pages
    /// whose own is hidden, so never this server's.
    func isOwn(origin: String, host: String?) -> Bool {
        guard let host, let own = Authority(host), let scheme = origin.firstRange(of: "://"),
            let page = Authority(origin[scheme.upperBound...])
        else { return false }
        let standard: UInt16
        switch origin[..<scheme.lowerBound] {
        case "http": standard = 80
        // In front of the server may be one that speaks TLS.
        case "https": standard = 443
        default: return false
        }
        return page.host == own.host && page.port ?? standard == own.port ?? standard
    }

    /// An IP address in its only form, an IPv4 address as such also where it comes as an IPv6 one; nil for a name.
    private static func canonical(_ text: String) -> String? {
        do {
            let address = try SocketAddress(ipAddress: text, port: 0)
            guard let form = address.ipAddress else { return nil }
            return form.hasPrefix("::ffff:") && form.contains(".") ? String(form.dropFirst("::ffff:".count)) : form
        } catch {
            // A name.
            return nil
        }
    }
}
