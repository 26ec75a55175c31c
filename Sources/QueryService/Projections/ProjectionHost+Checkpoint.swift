internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import Synchronization

extension ProjectionHost {
    /// Reads the projection from its checkpoint. One that is damaged, of another version or not written with the key is
    /// passed over with a warning: the log has everything.
    func load(from folder: String, key: CheckpointKey? = nil) -> LogCheckpoint? {
        guard let form else { return nil }
        let file = CheckpointFile(in: folder, projection: name, fingerprint: form.fingerprint, key: key)
        do {
            guard let (checkpoint, model) = try file.read(form.read) else { return nil }
            state.withLock { $0.reset(to: model, after: checkpoint) }
            logger.info(
                "checkpoint read", metadata: ["projection": "\(name)", "position": "\(checkpoint.position)"])
            return checkpoint
        } catch {
            logger.warning(
                "a checkpoint is passed over; the projection is built from the log",
                metadata: ["projection": "\(name)", "file": "\(file.path)", "reason": "\(error)"])
            return nil
        }
    }

    /// Writes the projection's checkpoint, where at least so many records have come since the last one.
    ///
    /// Blocks until it is on disk. Queries and records go on meanwhile, on a copy that shares what does not change.
    func save(to folder: String, key: CheckpointKey? = nil, after records: UInt64) {
        guard let form else { return }
        let (model, checkpoint) =
            state.withLock { state -> (Model, LogCheckpoint)? in
                guard state.status.position >= state.savedPosition + records else { return nil }
                guard state.checkpoint.logID != nil, state.checkpoint.hash != nil, !state.isWithinAppend else {
                    return nil
                }
                return (state.model, state.checkpoint)
            } ?? (nil, nil)
        guard let model, let checkpoint else { return }
        let file = CheckpointFile(in: folder, projection: name, fingerprint: form.fingerprint, key: key)
        do {
            try file.write(checkpoint) { try form.write(model, $0) }
            state.withLock { $0.savedPosition = checkpoint.position }
            logger.debug(
                "checkpoint written", metadata: ["file": "\(file.path)", "position": "\(checkpoint.position)"])
        } catch {
            logger.error("a checkpoint cannot be written", metadata: ["file": "\(file.path)", "error": "\(error)"])
        }
    }
}
