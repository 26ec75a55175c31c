import AsyncHTTPClient
import EventLogProtocol
import EventLogService
import Foundation
import NIOCore
import NIOHTTP1
import ServiceSupport
import TestSupport
import Testing

func send(
    _ method: HTTPMethod, _ url: String, body: String?
) async throws -> (status: UInt, body: String, position: String?) {
    var request = HTTPClientRequest(url: url)
    request.method = method
    if let body {
        request.body = .bytes(Array(body.utf8))
        request.headers.add(name: "content-type", value: "application/json")
    }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    let bytes = try await response.body.collect(upTo: 1 << 20)
    return (response.status.code, String(buffer: bytes), response.headers.first(name: "daybook-position"))
}

/// Waits until a service says that it can do its job.
func becomesReady(_ address: HTTPAddress) async throws {
    try await eventually("\(address) is ready", within: .seconds(60)) {
        // Refused connections are what is waited out here.
        (try? await send(.GET, "http://\(address)/readyz", body: nil))?.status == 200
    }
}

/// Waits until something listens and answers at an address, ready or not.
func answers(_ address: HTTPAddress) async throws {
    try await eventually("\(address) answers", within: .seconds(60)) {
        (try? await send(.GET, "http://\(address)/livez", body: nil)) != nil
    }
}

/// A folder and free addresses of the test's own.
struct Place {
    private let folder: String
    let commandAddress: HTTPAddress
    let queryAddress: HTTPAddress

    init() throws {
        folder = NSTemporaryDirectory() + "daybook-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        commandAddress = try freeAddress()
        queryAddress = try freeAddress()
    }

    func path(_ name: String) -> String { folder + "/" + name }

    var endpoints: LogEndpoints {
        LogEndpoints(append: "ipc://\(path("a"))", events: "ipc://\(path("e"))", read: "ipc://\(path("r"))")
    }

    var address: EventLogAddress {
        EventLogAddress(append: endpoints.append, events: endpoints.events, read: endpoints.read)
    }

    func remove() {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") }
    }
}

private func freeAddress() throws -> HTTPAddress {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
            guard bind(descriptor, generic, size) == 0, getsockname(descriptor, generic, &size) == 0 else { return nil }
            return UInt16(bigEndian: UnsafeRawPointer(pointer).load(as: sockaddr_in.self).sin_port)
        }
    }
    return try #require(port.flatMap { HTTPAddress("127.0.0.1:\($0)") })
}
