internal import EventSourcing

/// How a projection is written and read, as values, so that a host need not know whether its projection can be.
struct CheckpointForm<Model: Projection>: Sendable {
    /// Tells the schema of what is written from others.
    let fingerprint: Digest256
    let read: @Sendable (_ nextLine: () throws -> [UInt8]?) throws -> Model
    let write: @Sendable (Model, _ line: ([UInt8]) throws -> Void) throws -> Void
}

extension CheckpointForm where Model: CheckpointedProjection {
    init() {
        fingerprint = Digest256(hashing: Array(Model.schema.utf8))
        read = { try Model(reading: $0) }
        write = { try $0.write($1) }
    }
}

extension CheckpointForm {
    /// SHA-256 of all that is written: the same for the same state.
    func digest(of model: Model) throws -> Digest256 {
        var hasher = LineHasher()
        try write(model) { hasher.add($0) }
        return hasher.digest
    }
}
