/// Lifts recorded data of one schema version to the next, when it is read. Stored bytes are never changed.
public struct Upcaster: Sendable {
    /// The version that it lifts from; it lifts to the next.
    public let from: UInt16
    private let lift: @Sendable (_ type: String, _ data: [UInt8]) throws(EventDecodingError) -> [UInt8]

    /// An upcaster from a version to the next.
    public init(
        from version: UInt16,
        _ lift: @escaping @Sendable (_ type: String, _ data: [UInt8]) throws(EventDecodingError) -> [UInt8]
    ) {
        from = version
        self.lift = lift
    }

    /// The data in the schema of the next version.
    public func lifted(_ data: [UInt8], ofType type: String) throws(EventDecodingError) -> [UInt8] {
        try lift(type, data)
    }
}

/// The upcasters of a domain, one after another: data of any known version becomes data of the current one.
public struct UpcasterChain: Sendable {
    /// The version that everything is lifted to.
    public let currentVersion: UInt16
    private let upcasters: [Upcaster]

    /// A chain up to the current version.
    ///
    /// - Precondition: each upcaster lifts from the version that the one before it lifts to, the last to the current one.
    public init(to currentVersion: UInt16, _ upcasters: [Upcaster]) {
        let first = Int(currentVersion) - upcasters.count
        precondition(
            upcasters.enumerated().allSatisfy { Int($1.from) == first + $0 }, "the chain of upcasters has a gap")
        self.currentVersion = currentVersion
        self.upcasters = upcasters
    }

    /// Data in the current schema.
    ///
    /// - Throws: ``EventDecodingError`` for a version that is newer than the current one or older than the first known,
    ///   and for data that an upcaster cannot lift.
    public func lifted(
        _ data: [UInt8], ofType type: String, schemaVersion: UInt16
    ) throws(EventDecodingError) -> [UInt8] {
        if schemaVersion == currentVersion { return data }
        guard let start = upcasters.firstIndex(where: { $0.from == schemaVersion }) else {
            let oldest = Int(currentVersion) - upcasters.count
            throw EventDecodingError(
                type: type, schemaVersion: schemaVersion,
                reason: "this program knows versions \(oldest) to \(currentVersion) only"
                    + (schemaVersion > currentVersion ? "; a newer program wrote it" : ""))
        }
        var data = data
        for upcaster in upcasters[start...] { data = try upcaster.lifted(data, ofType: type) }
        return data
    }
}
