public import EventLogProtocol
public import EventSourcing
internal import Logging
internal import Synchronization

/// What came of building a projection anew.
public struct RebuildReport: Hashable, Sendable {
    /// The position at which the new one took the old one's place.
    public let position: UInt64
    /// The digest of the new one there.
    public let digest: Digest256
    /// The digest of the old one there; nil where it had stopped before, so that there is nothing to compare.
    public let replacedDigest: Digest256?
}

/// Why a projection could not be built anew. The old one goes on serving.
public struct RebuildError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension ProjectionHost where Model: CheckpointedProjection {
    /// Builds the projection anew from the log, beside the one that serves, and puts it in that one's place at one
    /// position, under the lock that every query takes: so no query sees anything in between.
    ///
    /// - Throws: ``RebuildError``; whatever happens, a projection that serves goes on serving.
    public func rebuild(reading client: EventLogClient) async throws(RebuildError) -> RebuildReport {
        let generation: UInt64? = state.withLock { state in
            guard state.status.rebuiltPosition == nil else { return nil }
            state.status.rebuiltPosition = 0
            return state.status.generation
        }
        guard let generation else { throw RebuildError("the projection \(name) is being rebuilt already") }
        defer {
            state.withLock { state in
                state.rebuild = nil
                state.status.rebuiltPosition = nil
            }
        }
        var shadow = Model()
        var position: UInt64 = 0
        // Near the head first, so that little has to be gathered meanwhile.
        // Never beyond what was handed on: then the shadow has nothing that the tail brings.
        while position < goal { position = try await readPage(into: &shadow, after: position, upTo: goal, client) }
        let start = state.withLock { state in
            state.rebuild = RebuildTail()
            return state.handedOn.position
        }
        while position < start { position = try await readPage(into: &shadow, after: position, upTo: start, client) }
        return try await takePlace(shadow, at: position, generation)
    }

    private var goal: UInt64 { state.withLock { $0.handedOn.position } }

    private func readPage(
        into shadow: inout Model, after position: UInt64, upTo last: UInt64, _ client: EventLogClient
    ) async throws(RebuildError) -> UInt64 {
        let records: [RecordedEvent]
        do {
            records = try await client.readLog(after: position, limit: ReadLimit(events: 10_000)).records
        } catch {
            throw RebuildError("the log cannot be read after position \(position): \(error)")
        }
        guard !records.isEmpty else { throw RebuildError("the log ends at position \(position), before its head") }
        return try take(records.prefix { $0.position <= last }[...], into: &shadow, after: position)
    }

    /// Applies records to the shadow, passing over those that it has.
    private func take(
        _ records: ArraySlice<RecordedEvent>, into shadow: inout Model, after position: UInt64
    ) throws(RebuildError) -> UInt64 {
        var position = position
        for record in records where record.position > position {
            do {
                try shadow.apply(record)
            } catch {
                throw RebuildError("\(error)")
            }
            position = record.position
        }
        let reached = position
        state.withLock { $0.status.rebuiltPosition = reached }
        return position
    }

    private func takePlace(
        _ built: Model, at reached: UInt64, _ generation: UInt64
    ) async throws(RebuildError) -> RebuildReport {
        var shadow = built
        var position = reached
        while true {
            let step: Step = state.withLock { state in
                guard state.status.generation == generation, let tail = state.rebuild, !tail.hasFailed else {
                    return .failed
                }
                guard tail.isEmpty, position == state.handedOn.position else {
                    return .more(state.rebuild?.take() ?? [])
                }
                // Only then at the same position, which is the end of an append.
                let replaced = state.status.failure == nil ? state.model : nil
                state.model = shadow
                state.isWithinAppend = false
                state.status.failure = nil
                state.status.position = position
                state.checkpoint = state.handedOn
                return .done(replaced)
            }
            switch step {
            case .failed:
                throw RebuildError(
                    "too many records came meanwhile, or the log was found to be another one; try again")
            case .more(let records):
                position = try take(records[...], into: &shadow, after: position)
            case .done(let replaced):
                return try report(at: position, shadow, replaced)
            }
        }
    }

    private enum Step {
        case failed
        case more([RecordedEvent])
        case done(Model?)
    }

    private func report(
        at position: UInt64, _ shadow: Model, _ replaced: Model?
    ) throws(RebuildError) -> RebuildReport {
        let form = CheckpointForm<Model>()
        do {
            let report = RebuildReport(
                position: position, digest: try form.digest(of: shadow),
                replacedDigest: try replaced.map { try form.digest(of: $0) })
            if let old = report.replacedDigest, old != report.digest {
                logger.error(
                    "a rebuilt projection differs from the one that it replaced",
                    metadata: ["projection": "\(name)", "position": "\(position)"])
            }
            return report
        } catch {
            throw RebuildError("the digest cannot be computed: \(error)")
        }
    }
}
