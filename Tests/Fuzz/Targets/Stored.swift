import EventLogProtocol
import EventSourcing
import JSON

@testable import Accounts
@testable import CommandService
@testable import EventStoreRules
@testable import Operations
@testable import QueryService

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What is read from the log's store and from files: events, snapshots, outcomes, checkpoints, lines of an import.
private let trials: [Trial] = [
    event, history, snapshot, outcome, directory, checkpointFile, importedLines, cloudEvent, streamVersions,
    signedSnapshot, streamNames,
]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStored(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

private let types = AccountEvent.types + ["AccountRenamed"]

private func isObject(_ bytes: [UInt8]) -> Bool {
    value { try JSONReader.validate(bytes, requireObject: true) } != nil
}

/// Type, schema version and data.
private func event(_ input: [UInt8]) {
    var source = Source(input)
    let (type, version) = (types[Int(source.byte()) % types.count], UInt16(source.byte() % 4))
    let data = source.all()
    guard let event = value({ try AccountEvent(type: type, schemaVersion: version, data: data) }) else { return }
    check(isObject(data), "what is read as an event is an object")
    let again = value { try AccountEvent(type: event.type, schemaVersion: event.schemaVersion, data: event.encoded()) }
    check(again == event, "an event is read as it was written")
    check(event.type == type, "an event keeps its type")
}

/// Events of one account, each behind its type, schema version and length.
private func history(_ input: [UInt8]) {
    guard let stream = StreamID(category: Account.category, name: "a") else { return }
    var source = Source(input)
    var account = Revision<Account>(of: stream)
    while !source.isEmpty {
        let (type, version) = (types[Int(source.byte()) % types.count], UInt16(source.byte() % 4))
        let before = account
        let record = RecordedEvent(
            position: account.version + 1, stream: stream, streamVersion: account.version + 1,
            recordedAt: Timestamp(microseconds: Int64(bitPattern: source.integer())),
            event: NewEvent(
                id: UniqueID(high: 1, low: account.version), type: type, schemaVersion: version, data: source.sized()),
            hash: Digest256(0, 0, 0, 0))
        guard value({ try account.apply(record) }) != nil else {
            check(account == before, "an event that cannot be applied changes nothing")
            continue
        }
        let (state, units) = (account.state, account.state.balance.minorUnits)
        check(units >= 0 || state.extras.hadOverdraft, "no balance is below zero without an overdraft")
        check(units.magnitude <= Money.largestMinorUnits, "no balance is beyond 15 digits")
        check(state.held(at: .earliest).minorUnits >= state.held(at: .latest).minorUnits, "holds only end by time")
        check(state.held(at: .latest).minorUnits >= 0, "what is held is not below zero")
        check(state.openHolds.count <= Account.maxOpenHolds, "an account has no more holds than it may have")
    }
    show(account)
    guard let snapshot = account.snapshot, snapshot.createdAt <= snapshot.updatedAt else { return }
    check(value { try Revision<Account>(snapshot) } == account, "a snapshot is read as the account that it is of")
}

private func show(_ account: Revision<Account>) {
    var writer = JSONWriter()
    account.writeAccount(to: &writer)
    check(isObject(writer.bytes), "an account is shown as JSON")
}

/// Version, times and state.
private func snapshot(_ input: [UInt8]) {
    guard let stream = StreamID(category: Account.category, name: "a") else { return }
    var source = Source(input)
    let version: UInt64 = source.integer()
    let createdAt = Timestamp(exactMicroseconds: Int64(bitPattern: source.integer()))
    let updatedAt = Timestamp(exactMicroseconds: Int64(bitPattern: source.integer()))
    guard let createdAt, let updatedAt else { return }
    let snapshot = Snapshot(
        stream: stream, version: version, lastEvent: UniqueID(high: 0, low: 0), createdAt: createdAt,
        updatedAt: updatedAt, fingerprint: Account.snapshotFingerprint, state: source.all())
    guard let account = value({ try Revision<Account>(snapshot) }) else { return }
    show(account)
    guard let again = account.snapshot else { return }
    check(value { try Revision<Account>(again) } == account, "a snapshot is read as it was written")
}

private let signer = SnapshotSigner<Account>(.ofThisProcess())

/// A state as it is kept, and one that is signed.
private func signedSnapshot(_ input: [UInt8]) {
    guard let stream = StreamID(category: Account.category, name: "a") else { return }
    func snapshot(_ fingerprint: Digest256) -> Snapshot {
        Snapshot(
            stream: stream, version: 1, lastEvent: UniqueID(high: 0, low: 0), createdAt: .earliest, updatedAt: .latest,
            fingerprint: fingerprint, state: input)
    }
    let logID = UniqueID(high: 1, low: 2)
    check(signer.open(snapshot(signer.fingerprint), in: logID) == nil, "what was not signed is not believed")
    let signed = signer.sign(snapshot(Account.snapshotFingerprint), in: logID)
    guard let signed else { return }
    check(signer.open(signed, in: logID)?.state == input, "what was signed is believed")
    check(signer.open(signed, in: UniqueID(high: 1, low: 3)) == nil, "what was signed for another log is not")
}

private func outcome(_ input: [UInt8]) {
    guard let kept = KeptAnswer(input) else { return }
    check(kept.encoded == input, "an outcome has one form")
    check(kept.actor != "", "an actor has a name")
    guard case .refused(let status, let body) = kept.answer else { return }
    check((400...599).contains(status), "a refusal has the status of an error")
    check(isObject(body) && !body.contains(UInt8(ascii: "\n")), "a refusal is an object in one line")
}

private func streamVersions(_ input: [UInt8]) {
    guard let versions = StreamVersions.decode(input) else { return }
    check(Array(StreamVersions.encode(versions).utf8) == input, "versions have one form")
    check(versions.count <= StreamVersions.maxCount, "no append has more streams than its frame counts")
    check(versions.allSatisfy { $0 <= RecordedEvent.maxOrdinal }, "no stream has a later version than the last")
}

/// How many versions there are, and the names of their streams.
private func streamNames(_ input: [UInt8]) {
    guard let scope = StreamID(category: "account", name: "a") else { return }
    var source = Source(input)
    let count = Int(source.byte())
    let text = source.all()
    guard let streams = StreamNames.decode(text, scope: scope, count: count) else { return }
    check(streams.first == scope, "the first stream is the scope of the key")
    check(streams.count == count || text.isEmpty, "there are as many streams as versions")
    if !text.isEmpty { check(StreamNames.encode(streams).map { Array($0.utf8) } == text, "names have one form") }
}

/// The lines of the accounts' checkpoint.
private func directory(_ input: [UInt8]) {
    var lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)[...]
    guard let directory = value({ try AccountDirectory(reading: { lines.popFirst() }) }) else { return }
    var written: [[UInt8]] = []
    directory.write { written.append($0) }
    let others = directory.fold.totals.flows.count + directory.fold.unreadable.count
    check(written.count == directory.count + others, "every account is written, and what else the directory knows")
    var rest = written[...]
    let again = value { try AccountDirectory(reading: { rest.popFirst() }) }
    var writtenAgain: [[UInt8]] = []
    again?.write { writtenAgain.append($0) }
    check(written == writtenAgain, "a checkpoint is read as it was written")
    for account in directory.accounts(after: nil, limit: 10).accounts {
        show(account)
        _ = directory.accounts(after: account.stream.name, ownedBy: account.state.owner, openedBy: .earliest, limit: 2)
    }
}

private let folder = "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/daybook-fuzz-\(getpid())"

/// A whole checkpoint, with the checksum that belongs to it, so that damage is not found by that alone.
private func checkpointFile(_ input: [UInt8]) {
    let file = CheckpointFile(in: folder, projection: "accounts", fingerprint: Digest256(1, 2, 3, 4))
    mkdir(folder, 0o700)
    var hasher = LineHasher()
    for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) { hasher.add(Array(line)) }
    guard let out = fopen(file.path, "w") else { fatalError("\(folder) cannot be written") }
    let content = input + Array("\n\(hasher.digest)\n".utf8)
    fwrite(content, 1, content.count, out)
    fclose(out)
    let read = value { try file.read { nextLine in try AccountDirectory(reading: nextLine) } }
    guard let found = read, let (checkpoint, directory) = found else { return }
    check(checkpoint.position <= RecordedEvent.maxOrdinal, "no checkpoint is beyond the last position")
    check(value { try file.write(checkpoint) { try directory.write($0) } } != nil, "it can be written")
    let again = value { try file.read { nextLine in try AccountDirectory(reading: nextLine) } }
    check(again??.checkpoint == checkpoint, "a checkpoint is read as it was written")
}

/// Lines of events in the shape of the recipe.
private func importedLines(_ input: [UInt8]) {
    var file = RecipeFile()
    let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    // A line that cannot be attributed ends the import of the whole file.
    guard value({ try lines.forEach { line in try file.add(line) } }) != nil else { return }
    check(file.brokenLines.count <= lines.count, "a line is broken once")
    check(file.brokenLines.allSatisfy { (1...lines.count).contains($0.number) }, "a broken line is one of the file's")
    for (_, history) in file.histories {
        check(history.revision.version == UInt64(history.events.count), "an account is what its events make it")
        for event in history.events { check(isObject(event.data), "what is recorded is an object") }
    }
}

/// Metadata and data of a record, if the log would have taken them.
private func cloudEvent(_ input: [UInt8]) {
    var source = Source(input)
    let (position, metadata, data): (UInt64, [UInt8], [UInt8]) = (source.integer(), source.sized(), source.all())
    guard let stream = StreamID(category: "account", name: "a"),
        value({ try JSONReader.validate(data) }) != nil, metadata.isEmpty || isObject(metadata)
    else { return }
    let event = NewEvent(
        id: UniqueID(high: 1, low: 2), type: "T", schemaVersion: 1, metadata: metadata, data: data)
    let record = RecordedEvent(
        position: position, stream: stream, streamVersion: 1, recordedAt: .latest, event: event,
        hash: Digest256(1, 2, 3, 4))
    check(isObject(CloudEvent.line(of: record, in: UniqueID(high: 1, low: 2))), "a cloud event is an object")
}
