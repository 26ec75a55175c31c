internal import Access
internal import EventLogProtocol
public import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import ServiceSupport

/// How an operator looks at projections, and has one built anew: `GET /projections`, `POST /projections/{name}/rebuild`.
public struct ProjectionRoutes: Sendable {
    private let entries: [Entry]

    private struct Entry: Sendable {
        let name: String
        let status: @Sendable () -> ProjectionStatus
        /// nil where there is nothing to rebuild.
        let rebuild: (@Sendable () async throws -> RebuildReport)?
    }

    /// No projections.
    public init() { entries = [] }

    private init(_ entries: [Entry]) { self.entries = entries }

    /// These and one more.
    public func adding<Model: Projection>(_ host: ProjectionHost<Model>) -> ProjectionRoutes {
        ProjectionRoutes(entries + [Entry(name: Model.name, status: { host.status }, rebuild: nil)])
    }

    /// These and one more, which can be rebuilt.
    public func adding<Model: CheckpointedProjection>(
        _ host: ProjectionHost<Model>, log: LogAccess
    ) -> ProjectionRoutes {
        let entry = Entry(
            name: Model.name, status: { host.status }, rebuild: { try await host.rebuild(reading: log.client) })
        return ProjectionRoutes(entries + [entry])
    }

    /// What they are asked at.
    public var routes: [Route] {
        [
            Route("/projections", [.get: .needing(.operate) { _, _, _ in list() }]),
            Route(
                "/projections/{name}/rebuild",
                [.post: .needing(.operate) { _, path, _ in try await rebuild(path["name"]) }]),
        ]
    }

    private func list() -> Response {
        Response.json(.ok) { writer in
            writer.beginArray()
            for entry in entries { write(entry, to: &writer) }
            writer.endArray()
        }
    }

    private func write(_ entry: Entry, to writer: inout JSONWriter) {
        let status = entry.status()
        writer.beginObject()
        writer.member("name")
        writer.string(entry.name)
        writer.member("position")
        writer.integer(status.position)
        writer.member("head")
        writer.integer(status.head)
        writer.member("live")
        writer.bool(status.isLive)
        writer.member("can_be_rebuilt")
        writer.bool(entry.rebuild != nil)
        if let position = status.rebuiltPosition {
            writer.member("rebuilt_position")
            writer.integer(position)
        }
        if let failure = status.failure {
            writer.member("stopped")
            writer.string(failure.description)
        }
        writer.endObject()
    }

    private func rebuild(_ name: String) async throws -> Response {
        guard let entry = entries.first(where: { $0.name == name }), let rebuild = entry.rebuild else {
            let names = entries.filter { $0.rebuild != nil }.map(\.name)
            throw Problem(
                .notFound, "not-found", title: "Not found",
                detail: "there is no projection \(name) that can be rebuilt, only \(names.joined(separator: ", "))")
        }
        do {
            let report = try await rebuild()
            return Response.json(.ok) { writer in
                writer.beginObject()
                writer.member("projection")
                writer.string(name)
                writer.member("position")
                writer.integer(report.position)
                writer.member("digest")
                writer.string(report.digest.description)
                writer.member("replaced_digest")
                if let digest = report.replacedDigest { writer.string(digest.description) } else { writer.null() }
                writer.endObject()
            }
        } catch let error as RebuildError {
            throw Problem(
                .conflict, "rebuild-failed", title: "Rebuild failed",
                detail: "\(error); the projection goes on as it was")
        }
    }
}
