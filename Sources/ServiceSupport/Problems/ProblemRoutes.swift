internal import Access
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import NIOCore

/// `GET /problems` and `GET /problems/{name}`: what the `type` of a problem leads to, for people and, with
/// `Accept: application/json`, for programs.
struct ProblemRoutes: Sendable {
    private let kinds: [ProblemKind]

    /// - Parameter own: the problems of the service's own, beside those that are common to all.
    init(_ own: [ProblemKind]) {
        kinds = (own + ProblemKind.common).sorted { ($0.status, $0.name) < ($1.status, $1.name) }
    }

    var routes: [Route] {
        [
            Route("/problems", [.get: .needing(.everybody) { request, _, _ in list(request) }]),
            Route(
                "/problems/{name}",
                [
                    .get: .needing(.everybody) { request, path, _ in
                        let name = path["name"]
                        guard let kind = kinds.first(where: { $0.name == name }) else {
                            throw Problem.notFound(path: request.uri.path)
                        }
                        return explain(kind, request)
                    }
                ]),
        ]
    }

    private func list(_ request: Request) -> Response {
        answer(request) {
            kinds.map { "\($0.status)  /problems/\($0.name)  \($0.title)\n" }.joined()
        } json: { writer in
            writer.beginArray()
            for kind in kinds { write(kind, to: &writer) }
            writer.endArray()
        }
    }

    private func explain(_ kind: ProblemKind, _ request: Request) -> Response {
        answer(request) {
            var text = "\(kind.title)\n\nStatus \(kind.status), type /problems/\(kind.name)\n\n"
            text += "\(kind.meaning)\n\nWhat to do: \(kind.remedy)\n"
            if !kind.members.isEmpty {
                text += "\nFurther members:\n"
                for member in kind.members { text += "  \(member.name): \(member.meaning)\n" }
            }
            return text
        } json: { writer in
            write(kind, to: &writer)
        }
    }

    private func answer(
        _ request: Request, text: () -> String, json: (inout JSONWriter) -> Void
    ) -> Response {
        let form = request.representation(among: .text, .json)
        guard form.kind == .text else { return Response.json(.ok, headers: [.vary: "Accept"], json) }
        return Response(
            status: .ok, headers: [.contentType: form.mediaType, .vary: "Accept"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text())))
    }

    private func write(_ kind: ProblemKind, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("type")
        writer.string("/problems/\(kind.name)")
        writer.member("title")
        writer.string(kind.title)
        writer.member("status")
        writer.integer(kind.status)
        writer.member("meaning")
        writer.string(kind.meaning)
        writer.member("remedy")
        writer.string(kind.remedy)
        writer.member("members")
        writer.beginObject()
        for member in kind.members {
            writer.member(name: member.name)
            writer.string(member.meaning)
        }
        writer.endObject()
        writer.endObject()
    }
}
