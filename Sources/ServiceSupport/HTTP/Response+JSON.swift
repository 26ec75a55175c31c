public import HTTPTypes
public import Hummingbird
public import JSON
internal import NIOCore

extension Response {
    /// An answer whose body is JSON, in a form that its media type tells.
    public static func json(
        _ status: HTTPResponse.Status, headers: HTTPFields = [:], as form: DecimalForm = .number,
        _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Response {
        var writer = JSONWriter()
        try write(&writer)
        var headers = headers
        headers[.contentType] = Representation(.json, amounts: form).mediaType
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }
}
