public import HTTPTypes
public import Hummingbird
public import JSON
internal import NIOCore

/// What went wrong with a request, as its client is told: `application/problem+json` (RFC 9457).
public struct Problem: Error, Hashable, Sendable {
    /// The status code.
    public let status: HTTPResponse.Status
    /// The name: the last part of `type`, which is `/problems/NAME`.
    public let name: String
    /// What kind of problem it is; the same for every problem of the name.
    public let title: String
    /// What happened this time: with which value, and what to do.
    public let detail: String
    /// Further members.
    public let members: [JSONValue.Member]
    /// Header fields of the answer, such as `Retry-After` and `Allow`.
    public let headers: HTTPFields

    /// A problem from its parts.
    public init(
        _ status: HTTPResponse.Status, _ name: String, title: String, detail: String,
        members: [JSONValue.Member] = [], headers: HTTPFields = [:]
    ) {
        self.status = status
        self.name = name
        self.title = title
        self.detail = detail
        self.members = members
        self.headers = headers
    }

    /// The same problem with further header fields.
    public func adding(_ fields: HTTPFields) -> Problem {
        var headers = headers
        for field in fields { headers[field.name] = field.value }
        return Problem(status, name, title: title, detail: detail, members: members, headers: headers)
    }

    /// The same problem with amounts in a form.
    ///
    /// - Parameter names: the members that hold amounts, as JSON numbers.
    public func writing(_ names: Set<String>, as form: DecimalForm) -> Problem {
        guard form == .string else { return self }
        return Problem(
            status, name, title: title, detail: detail, members: Self.writeAsStrings(members, names), headers: headers)
    }

    /// The body of a problem that was written before, with amounts in a form; the very bytes if they are no object.
    public static func body(_ body: [UInt8], writing names: Set<String>, as form: DecimalForm) -> [UInt8] {
        guard form == .string else { return body }
        var reader = JSONReader(body)
        let value: JSONValue
        do {
            value = try reader.readValue()
        } catch {
            // What cannot be read is given as it was kept.
            return body
        }
        guard case .object(let members) = value else { return body }
        var writer = JSONWriter()
        writer.value(.object(writeAsStrings(members, names)))
        return writer.bytes
    }

    private static func writeAsStrings(_ members: [JSONValue.Member], _ names: Set<String>) -> [JSONValue.Member] {
        members.map { member in
            guard names.contains(member.name), case .number(let number) = member.value else { return member }
            return JSONValue.Member(name: member.name, value: .string(number.literal))
        }
    }

    /// The body: a JSON object in UTF-8.
    public var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("type")
        writer.string("/problems/\(name)")
        writer.member("title")
        writer.string(title)
        writer.member("status")
        writer.integer(status.code)
        writer.member("detail")
        writer.string(detail)
        for member in members {
            writer.member(name: member.name)
            writer.value(member.value)
        }
        writer.endObject()
        return writer.bytes
    }

    /// The header fields of the answer that tells of it, without those of every answer.
    public var fields: HTTPFields {
        var fields = headers
        fields[.contentType] = "application/problem+json"
        return fields
    }

    /// The answer that tells of it.
    public var response: Response {
        Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension Problem {
    /// 404: no such resource.
    public static func notFound(path: String) -> Problem {
        Problem(.notFound, "not-found", title: "Not found", detail: "there is nothing at \(path)")
    }

    /// 405: the resource is there, but not for this method.
    public static func methodNotAllowed(_ method: HTTPRequest.Method, allowed: [HTTPRequest.Method]) -> Problem {
        let allow = allowed.map(\.rawValue).joined(separator: ", ")
        return Problem(
            .methodNotAllowed, "method-not-allowed", title: "Method not allowed",
            detail: "\(method.rawValue) is not possible here, only \(allow)", headers: [.allow: allow])
    }

    /// 413: the body is longer than the service takes.
    public static func payloadTooLarge(limit: Int) -> Problem {
        Problem(
            .contentTooLarge, "payload-too-large", title: "Payload too large",
            detail: "a request's body may have at most \(limit) bytes", headers: [.connection: "close"])
    }

    /// 415: the body is of another media type than the resource takes.
    public static func unsupportedMediaType(_ found: String?, expected: String) -> Problem {
        Problem(
            .unsupportedMediaType, "unsupported-media-type", title: "Unsupported media type",
            detail: "expected Content-Type: \(expected), found \(found ?? "none")")
    }

    /// 415: the body is compressed, or coded in another way (RFC 9110, section 15.5.16).
    public static func unsupportedContentCoding(_ found: String) -> Problem {
        Problem(
            .unsupportedMediaType, "unsupported-media-type", title: "Unsupported media type",
            detail: "expected a body without Content-Encoding, found \(found)", headers: [.acceptEncoding: "identity"])
    }

    /// 400: a query parameter or header field cannot be read.
    public static func invalidParameter(_ name: String, _ value: String, expected: String) -> Problem {
        Problem(
            .badRequest, "invalid-parameter", title: "Invalid parameter",
            detail: "\(name) is “\(value)”: expected \(expected)")
    }

    /// 500: a fault of the service. The body says nothing of it; the log does.
    public static let internalError = Problem(
        .internalServerError, "internal-error", title: "Internal error",
        detail: "the service failed to answer; its log says why")
}
