import EventLogProtocol
import EventSourcing
import TestSupport
import Testing
import ZeroMQ

/// Aggregates folded from a real log: with or without snapshots makes no difference but in time.
@Suite struct AggregateLoaderTests {
    private let stream = StreamID(category: Tally.category, name: "t")!
    private let signer = SnapshotSigner<Tally>(SnapshotKey(sharedSecret: Array(0..<32))!)

    /// Appends so many random events, and gives the whole history.
    private func fill(_ client: EventLogClient, _ count: Int, seed: UInt64 = 1) async throws -> [RecordedEvent] {
        var generator = SeededGenerator(seed: seed)
        let events = (0..<count).map { _ in
            NewEvent(
                id: .version7(at: .now()), type: "Counted", schemaVersion: 1,
                data: Array("{\"by\":\(Int.random(in: -3...3, using: &generator))}".utf8))
        }
        return try await append(events, client)
    }

    private func append(_ events: [NewEvent], _ client: EventLogClient) async throws -> [RecordedEvent] {
        let write = StreamWrite(stream: stream, expected: .any, events: events)
        guard case .committed = try await client.append(AppendRequest(writes: [write])) else {
            throw TooLate(description: "the events were not recorded")
        }
        var history: [RecordedEvent] = []
        while true {
            let slice = try await client.readStream(
                stream, after: UInt64(history.count), limit: ReadLimit(events: 10_000))
            history += slice.events
            if history.count == Int(slice.version) { return history }
        }
    }

    private func fold(_ history: [RecordedEvent], to version: Int) throws -> Revision<Tally> {
        try Revision<Tally>(of: stream, folding: history.prefix(version))
    }

    /// Keeps a signed snapshot of the fold at a version, or of another state.
    private func keep(
        _ client: EventLogClient, _ history: [RecordedEvent], at version: Int, state: String? = nil,
        signedBy signer: SnapshotSigner<Tally>? = nil
    ) async throws {
        let snapshot = try self.snapshot(history, at: version, state: state)
        let logID = try await client.logID()
        let signed = try #require((signer ?? self.signer).sign(snapshot, in: logID))
        #expect(try await client.keep(signed))
    }

    private func snapshot(_ history: [RecordedEvent], at version: Int, state: String? = nil) throws -> Snapshot {
        let snapshot = try #require(try fold(history, to: version).snapshot)
        return Snapshot(
            stream: stream, version: snapshot.version, lastEvent: snapshot.lastEvent, createdAt: snapshot.createdAt,
            updatedAt: snapshot.updatedAt, fingerprint: snapshot.fingerprint,
            state: state.map { Array($0.utf8) } ?? snapshot.state)
    }

    @Test func `I5: at every version, a snapshot with the tail is the fold of all events`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            let history = try await fill(client, 40)
            for version in [7, 20, 33] { try await keep(client, history, at: version) }
            for version in Array(0...42) + [Int.max] {
                let expected = try fold(history, to: version)
                let nearest = [7, 20, 33].last { $0 <= version }
                for usingSnapshots in [true, false] {
                    var folded: [Revision<Tally>] = []
                    let loaded = try await loader.load(
                        stream, upTo: UInt64(version), usingSnapshots: usingSnapshots
                    ) { folded.append(copy $0) }
                    #expect(loaded.revision == expected)
                    #expect(loaded.streamVersion == 40)
                    let begun = usingSnapshots ? nearest ?? 0 : 0
                    #expect(loaded.snapshot?.version == (begun > 0 ? UInt64(begun) : nil))
                    // Only what comes after the snapshot was folded, each once.
                    let rest = begun..<max(begun, min(version, 40))
                    #expect(folded.map(\.version) == rest.map { UInt64($0 + 1) })
                    #expect(folded.last ?? expected == expected)
                    #expect(loaded.position == (rest.isEmpty ? nil : history[rest.upperBound - 1].position))
                }
            }
        }
    }

    @Test func `a stream that does not exist is an aggregate before its first event`() async throws {
        try await withLog { client, _ in
            let loaded = try await AggregateLoader<Tally>(client: client, signer: signer).load(stream)
            #expect(loaded.revision == Revision(of: stream))
            #expect(loaded.streamVersion == 0)
            #expect(loaded.position == nil)
        }
    }

    @Test func `a snapshot that cannot be read, or is of another schema, is as good as none`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            let history = try await fill(client, 30)
            try await keep(client, history, at: 10)
            // As programs before this one kept them, and as another operator's do.
            #expect(try await client.keep(snapshot(history, at: 25, state: "999")))
            let others = SnapshotSigner<Tally>(SnapshotKey(sharedSecret: Array(1...32))!)
            try await keep(client, history, at: 26, state: "999", signedBy: others)
            let loaded = try await loader.load(stream)
            #expect(loaded.snapshot?.version == 10)
            #expect(loaded.revision == (try fold(history, to: 30)))
            try await keep(client, history, at: 20, state: "rubbish")
            for version in [20, 21, 30] {
                let loaded = try await loader.load(stream, upTo: UInt64(version))
                #expect(loaded.snapshot == nil)
                #expect(loaded.revision == (try fold(history, to: version)))
            }
            #expect(try await loader.load(stream, upTo: 19).snapshot?.version == 10)
        }
    }

    @Test func `a snapshot that the events after it contradict is not believed`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            let counted = (0..<9).map { _ in
                NewEvent(
                    id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
            }
            let history = try await append(counted, client)
            // Two more can be counted from there, not three.
            try await keep(client, history, at: 6, state: "\(Tally.most - 2)")
            let loaded = try await loader.load(stream)
            #expect(loaded.snapshot == nil)
            #expect(loaded.revision == (try fold(history, to: 9)))
        }
    }

    @Test func `a snapshot that was not signed, or for another log, is not believed and is told of`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            let history = try await fill(client, 12)
            let logID = try await client.logID()
            let forged = try snapshot(history, at: 9, state: "999")
            let signed = try #require(signer.sign(forged, in: UniqueID(high: logID.high, low: logID.low ^ 1)))
            #expect(try await client.keep(signed))
            let loaded = try await loader.load(stream)
            #expect(loaded.revision == (try fold(history, to: 12)))
            #expect(loaded.snapshot == nil)
            #expect(loaded.unbelieved == signed)
            try await keep(client, history, at: 9)
            #expect(try await loader.load(stream).snapshot?.version == 9)
            #expect(try await loader.load(stream).unbelieved == nil)
        }
    }

    @Test func `nothing more is asked after the deadline`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            // More than a page.
            _ = try await fill(client, 2500)
            let error = await #expect(throws: AggregateLoadError.self) { () async throws in
                _ = try await loader.load(stream, by: .now)
            }
            guard case .log(let logError) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(logError.code == .unavailable)
            #expect(try await loader.load(stream, by: .now + .seconds(60)).streamVersion == 2500)
        }
    }

    @Test func `a dropped snapshot is used no more`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            let history = try await fill(client, 10)
            try await keep(client, history, at: 9)
            let snapshot = try #require(try await loader.load(stream).snapshot)
            try await client.drop(snapshot)
            #expect(try await loader.load(stream).snapshot == nil)
        }
    }

    @Test func `a snapshot that is dropped just after it was kept is gone`() async throws {
        try await withLog { client, _ in
            let history = try await fill(client, 10)
            // From here on the log lets snapshots wait for a moment, and settles some of them together.
            try await keep(client, history, at: 3)
            let logID = try await client.logID()
            let snapshot = try #require(signer.sign(try self.snapshot(history, at: 9), in: logID))
            let kept = Task.immediate { try await client.keep(snapshot) }
            let dropped = Task.immediate { try await client.drop(snapshot) }
            #expect(try await kept.value)
            try await dropped.value
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            #expect(try await loader.load(stream).snapshot?.version == 3)
        }
    }

    @Test func `a long history is folded over several pages, whichever version is asked for`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            // More than two pages of the loader.
            let history = try await fill(client, 4500)
            let versions = [1, 1999, 2000, 2001, 3999, 4000, 4001, 4499, 4500]
            for version in versions {
                #expect(
                    try await loader.load(stream, upTo: UInt64(version)).revision
                        == (try fold(history, to: version)), "version \(version)")
            }
            for version in [50, 2100] { try await keep(client, history, at: version) }
            for version in versions {
                let loaded = try await loader.load(stream, upTo: UInt64(version))
                #expect(loaded.revision == (try fold(history, to: version)), "version \(version)")
                #expect(loaded.snapshot?.version == [50, 2100].last { $0 <= version }.map { UInt64($0) })
                #expect(loaded.streamVersion == 4500)
            }
            let whole = try await loader.load(stream, usingSnapshots: false).revision
            #expect(whole == (try fold(history, to: 4500)))
        }
    }

    @Test func `a history with large events is folded, though a page holds but few of them`() async throws {
        try await withLog { client, _ in
            let filling = String(repeating: " ", count: 300_000)
            let events = (0..<9).map { number in
                NewEvent(
                    id: .version7(at: .now()), type: "Counted", schemaVersion: 1,
                    data: Array("{\"by\":\(number)\(filling)}".utf8))
            }
            var history: [RecordedEvent] = []
            for event in events { history = try await append([event], client) }
            let loaded = try await AggregateLoader<Tally>(client: client, signer: signer).load(stream)
            #expect(loaded.revision == (try fold(history, to: 9)))
            #expect(loaded.revision.state.count == 36)
        }
    }

    @Test func `an event that cannot be read is named; what lies before it is there`() async throws {
        try await withLog { client, _ in
            let loader = AggregateLoader<Tally>(client: client, signer: signer)
            _ = try await fill(client, 5)
            let poison = NewEvent(
                id: .version7(at: .now()), type: "Unheard", schemaVersion: 1, data: Array("{}".utf8))
            let history = try await append([poison], client)
            let error = await #expect(throws: AggregateLoadError.self) { () async throws in
                _ = try await loader.load(stream)
            }
            guard case .history(let revisionError) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(revisionError.position == history[5].position)
            #expect(revisionError.streamVersion == 6)
            #expect(try await loader.load(stream, upTo: 5).revision == (try fold(history, to: 5)))
        }
    }

    @Test func `a log that is not there is said to be so`() async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let loop = try SocketLoop(name: "client", context: context)
        let client = EventLogClient(place.address, on: loop)
        let error = await #expect(throws: AggregateLoadError.self) { () async throws in
            _ = try await AggregateLoader<Tally>(client: client, signer: signer).load(stream)
        }
        guard case .log(let logError) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(logError.code == .unavailable)
        await client.close()
        await loop.close()
        #expect(await context.close())
    }
}
