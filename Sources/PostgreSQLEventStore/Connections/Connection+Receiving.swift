internal import CPostgreSQL

extension Connection {
    /// Takes in what has come, without waiting.
    ///
    /// - Returns: the outcome of what was sent under a number; nil: it has not come yet.
    /// - Throws: `lost`, if it can come no more.
    func take(_ number: UInt64) throws(ConnectionFailure) -> Outcome? {
        if let outcome = outcomes.removeValue(forKey: number) { return outcome }
        takeIn()
        if let outcome = outcomes.removeValue(forKey: number) { return outcome }
        if let loss { throw .lost(loss) }
        return nil
    }

    /// Takes in what has come, without waiting, also if nothing is waited for: so that the end of the connection is seen.
    func takeIn() {
        guard loss == nil else { return }
        // What the server sends is taken while it is sent to, or both would wait for each other.
        let isOpen = PQconsumeInput(connection) == 1
        do throws(ConnectionFailure) {
            if isSending { try flush() }
            while !exchanges.isEmpty, PQisBusy(connection) == 0 { try step() }
            // What came before the end is parsed, such as the server's reason for it.
            if exchanges.isEmpty { _ = PQisBusy(connection) }
        } catch {
            _ = lose(error.description)
        }
        if !isOpen { _ = lose(reason) }
    }

    private func step() throws(ConnectionFailure) {
        let result = PQgetResult(connection)
        if PQstatus(connection) != CONNECTION_OK {
            // The reason that the server gave before it ended the connection.
            let message = ServerMessage(result)
            PQclear(result)
            throw .lost(message.text.isEmpty ? reason : message.description)
        }
        switch exchanges[0].step {
        case .preparation(let index): try prepared(index, result)
        case .result(let index): try take(result, of: index)
        case .endOfPreparation(let index):
            try requireNone(result)
            exchanges[0].step = .result(index)
        case .endOfResult(let index):
            try requireNone(result)
            exchanges[0].finish(index)
        case .end: try end(result)
        }
    }

    private func prepared(_ index: Int, _ result: OpaquePointer?) throws(ConnectionFailure) {
        guard let result else { throw .lost(reason) }
        if PQresultStatus(result) != PGRES_COMMAND_OK {
            names[exchanges[0].statements[index].text] = nil
            fail(result, index)
        }
        PQclear(result)
        exchanges[0].step = .endOfPreparation(index)
    }

    private func take(_ result: OpaquePointer?, of index: Int) throws(ConnectionFailure) {
        guard let result else { throw .lost(reason) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            do throws(ConnectionFailure) {
                exchanges[0].rows.append(try Rows(result, expecting: exchanges[0].statements[index].columns))
            } catch {
                exchanges[0].failure = exchanges[0].failure ?? error
            }
        default:
            fail(result, index)
            PQclear(result)
        }
        exchanges[0].step = .endOfResult(index)
    }

    private func fail(_ result: OpaquePointer, _ index: Int) {
        // Those after the first that failed are only skipped.
        if PQresultStatus(result) == PGRES_PIPELINE_ABORTED { return }
        exchanges[0].failure = exchanges[0].failure ?? .refused(ServerMessage(result), statement: index)
    }

    private func requireNone(_ result: OpaquePointer?) throws(ConnectionFailure) {
        guard let result else { return }
        PQclear(result)
        throw .lost("the server gave more results than were asked for")
    }

    private func end(_ result: OpaquePointer?) throws(ConnectionFailure) {
        let isEnd = PQresultStatus(result) == PGRES_PIPELINE_SYNC
        let message = ServerMessage(result)
        PQclear(result)
        // What an implicit transaction meets at its end has no statement of its own.
        guard isEnd else { throw .lost("the server did not end its answer: \(message)") }
        let exchange = exchanges.removeFirst()
        let rows = exchange.failure.map { Result.failure($0) } ?? .success(exchange.rows)
        outcomes[exchange.number] = Outcome(rows: rows, warnings: notices.warnings)
        notices.clear()
        hasAnswered = true
    }
}
