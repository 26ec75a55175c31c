internal import Access
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import NIOCore
public import ServiceSupport

/// The HTTP interface as an OpenAPI 3.1 document, at `GET /openapi.json`.
///
/// It is kept in `openapi.json`, one document for both services: an operation that only one of them has says so in
/// `x-services`. Each service serves what it answers itself.
///
/// `x-permission` of an operation, and of each command's schema, is the permission that its route, or the command, needs.
/// While a service asks nobody for a proof, its document says that none is needed.
public enum OpenAPIDocument {
    /// Who serves the document.
    public enum Service: Sendable {
        /// The command service, which also forwards queries.
        case gateway
        /// The query service.
        case queryService

        fileprivate var name: String {
            switch self {
            case .gateway: "gateway"
            case .queryService: "query"
            }
        }

        fileprivate var server: JSONValue {
            switch self {
            case .gateway: OpenAPIDocument.server("http://127.0.0.1:8080", "the gateway")
            case .queryService: OpenAPIDocument.server("http://127.0.0.1:8081", "the query service")
            }
        }
    }

    /// Where it is asked for.
    public static func route(of service: Service) -> Route {
        let document = ByteBuffer(bytes: text(of: service, isOpen: false))
        let openDocument = ByteBuffer(bytes: text(of: service, isOpen: true))
        return Route(
            "/openapi.json",
            [
                .get: .needing(.everybody) { _, _, caller in
                    Response(
                        status: .ok, headers: [.contentType: "application/json"],
                        body: ResponseBody(byteBuffer: caller == .unrestricted ? openDocument : document))
                }
            ])
    }

    private static func text(of service: Service, isOpen: Bool) -> [UInt8] {
        var reader = JSONReader(PackageResources.openapi_json)
        let value: JSONValue
        do {
            value = try reader.readValue()
        } catch {
            // A part of the program: it is right, or the tests fail.
            preconditionFailure("openapi.json is no JSON: \(error)")
        }
        guard case .object(let members) = value else { preconditionFailure("openapi.json is no JSON object") }
        let own = members.map { member in
            switch (member.name, member.value) {
            case ("servers", _): JSONValue.Member(name: "servers", value: .array([service.server]))
            case ("paths", .object(let paths)):
                JSONValue.Member(name: "paths", value: .object(paths.compactMap { path($0, of: service, isOpen) }))
            default: member
            }
        }
        var writer = JSONWriter()
        writer.value(.object(own))
        return writer.bytes
    }

    /// A path with the operations of a service; nil if it has none there.
    private static func path(_ path: JSONValue.Member, of service: Service, _ isOpen: Bool) -> JSONValue.Member? {
        guard case .object(let members) = path.value else { return path }
        let own = members.compactMap { member -> JSONValue.Member? in
            guard case .object(var operation) = member.value else { return member }
            if isOpen { operation = operation.map(withoutProof) }
            guard let index = operation.firstIndex(where: { $0.name == "x-services" }) else {
                return JSONValue.Member(name: member.name, value: .object(operation))
            }
            guard case .array(let services) = operation.remove(at: index).value,
                services.contains(.string(service.name))
            else { return nil }
            return JSONValue.Member(name: member.name, value: .object(operation))
        }
        guard own.contains(where: { $0.name != "parameters" }) else { return nil }
        return JSONValue.Member(name: path.name, value: .object(own))
    }

    /// The same member of an operation; if it says what proof is needed, none is enough.
    private static func withoutProof(_ member: JSONValue.Member) -> JSONValue.Member {
        guard member.name == "security", case .array(let proofs) = member.value, !proofs.isEmpty else { return member }
        return JSONValue.Member(name: member.name, value: .array([.object([])] + proofs))
    }

    private static func server(_ url: String, _ description: String) -> JSONValue {
        .object([
            JSONValue.Member(name: "url", value: .string(url)),
            JSONValue.Member(name: "description", value: .string(description)),
        ])
    }
}
