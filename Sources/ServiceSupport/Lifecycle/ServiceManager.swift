internal import FoundationEssentials
internal import Glibc

/// Tells systemd how the service is, as `Type=notify` of a unit wants it: one datagram to the socket that the
/// environment variable `NOTIFY_SOCKET` names (sd_notify(3)). Without that variable nothing happens.
package enum ServiceManager {
    /// What can be told.
    package enum Notice: String, Sendable {
        /// The service answers requests.
        case ready = "READY=1"
        /// The service finishes what it accepted, and ends.
        case stopping = "STOPPING=1"
    }

    /// Sends a notice; nobody waits for it, and a service manager that does not take it changes nothing.
    package static func send(
        _ notice: Notice, to path: String? = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"]
    ) {
        // "@" stands for the zero byte at the beginning of an abstract name.
        guard let path, path.hasPrefix("/") || path.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = path.hasPrefix("@")
        let name = isAbstract ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8) + [0]
        guard name.count <= MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)

        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = notice.rawValue.withCString { text in
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    sendto(descriptor, text, strlen(text), 0, address, length)
                }
            }
        }
    }
}
