internal import CPostgreSQL

extension Connection {
    /// Sends statements behind those that were sent before, as far as the socket takes them now; the rest goes with
    /// ``take(_:)``.
    ///
    /// - Returns: the number by which their outcome is asked for.
    func send(_ statements: [Statement]) throws(ConnectionFailure) -> UInt64 {
        if let loss { throw .lost(loss) }
        var sent: [Exchange.Sent] = []
        sent.reserveCapacity(statements.count)
        for statement in statements {
            let known = names[statement.text]
            let name = known ?? "daybook\(named)"
            let types = statement.parameters.map { Oid($0.type.rawValue) }
            if known == nil {
                named += 1
                names[statement.text] = name
                guard PQsendPrepare(connection, name, statement.text, Int32(types.count), types) == 1 else {
                    throw lose(reason)
                }
            }
            guard
                Self.withPointers(
                    to: statement.parameters,
                    { values, lengths, formats in
                        PQsendQueryPrepared(connection, name, Int32(types.count), values, lengths, formats, 1)
                    }) == 1
            else { throw lose(reason) }
            sent.append(Exchange.Sent(text: statement.text, columns: statement.columns, isNew: known == nil))
        }
        guard PQpipelineSync(connection) == 1 else { throw lose(reason) }
        self.sent += 1
        exchanges.append(Exchange(number: self.sent, sent))
        try flush()
        return self.sent
    }

    /// Has the socket take what it can take now.
    func flush() throws(ConnectionFailure) {
        switch PQflush(connection) {
        case 0: isSending = false
        case 1: isSending = true
        default: throw lose(reason)
        }
    }

    private static func withPointers<Result>(
        to parameters: [Parameter],
        _ body: ([UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) -> Result
    ) -> Result {
        // In one place, so that one pointer is enough. One byte more, so that it has an address if all have no bytes.
        var memory: [UInt8] = []
        memory.reserveCapacity(parameters.reduce(1) { $0 + $1.bytes.count })
        var offsets: [Int] = []
        for parameter in parameters {
            offsets.append(memory.count)
            memory += parameter.bytes
        }
        memory.append(0)
        return memory.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(
                offsets.map { start?.advanced(by: $0) }, parameters.map { Int32(clamping: $0.bytes.count) },
                parameters.map { _ in 1 })
        }
    }
}
