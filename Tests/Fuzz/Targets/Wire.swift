import Accounts
import EventSourcing
import JSON
import ZeroMQ

@testable import EventLogProtocol

/// What peers send over ZeroMQ.
private let trials: [Trial] = [publishedMessage, request, reply, header, subscription, topic]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWire(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

/// Frames, each behind its length in two bytes, the last without.
private func publishedMessage(_ input: [UInt8]) {
    var source = Source(input)
    let frames = [source.sized(), source.sized(), source.all()]
    guard let message = value({ try PublishedMessage(Frames(frames)) }) else { return }
    let socket = Socket()
    switch message {
    case .event(let record, let logID):
        check(value { try PublishedMessage.send(record, in: logID, on: socket) } != nil, "an event can be sent")
        check(Topic.isPrefix(frames[0]), "the topic of an event can be subscribed to")
        check(socket.frames == frames, "a message that is read is the one that is sent for what it says")
        fold([record])
    case .heartbeat(let logID, let position, let hash, let epoch):
        let head = LogHead(position: position, hash: hash, recordedAt: .earliest)
        let sent: Void? = value { try PublishedMessage.sendHeartbeat(of: logID, at: head, epoch: epoch, on: socket) }
        check(sent != nil, "it can be sent")
        let again = value { try PublishedMessage(Frames(socket.frames)) }
        check(again == message, "a heartbeat is read as it was sent")
    }
}

private func request(_ input: [UInt8]) {
    let read = value { try input.withUnsafeBytes { (frame) throws in try LogRequest.decode(frame) } }
    guard let (request, number) = read else { return }
    check(request.encoded(number: number) == input, "a request has one form")
    if case .keepSnapshot(let snapshot) = request { load(snapshot) }
}

private func reply(_ input: [UInt8]) {
    let read = value { try input.withUnsafeBytes { (frame) throws in try LogReply.decode(frame) } }
    guard let (reply, number) = read else { return }
    // Records carry their log's id, which a reply does not tell of.
    let written = reply.encoded(number: number, logID: UniqueID(high: 1, low: 2))
    let again = value { try written.withUnsafeBytes { (frame) throws in try LogReply.decode(frame) } }
    switch reply {
    case .log(let page): fold(page.records)
    case .append(.conflict(let conflict)): for stream in conflict.streams { fold(stream.missed) }
    case .stream(let slice): fold(slice.events)
    case .loaded(let loaded):
        fold(loaded.slice.events)
        if let snapshot = loaded.snapshot { load(snapshot) }
    default: check(written == input, "a reply without records has one form")
    }
    // A page says of which log it is, and takes no other's records.
    if case .log = reply { return }
    check(again?.0 == reply && again?.number == number, "a reply is read as it was written")
}

private func header(_ input: [UInt8]) {
    guard let header = input.withUnsafeBytes({ RecordHeader($0) }) else { return }
    var written = [UInt8](repeating: 0, count: RecordHeader.size)
    written.withUnsafeMutableBytes { header.write(to: $0) }
    check(written == Array(input.prefix(RecordHeader.size)), "a header has one form")
    _ = header.recordedAt.description
}

/// Live events, heartbeats and pages of any leads in any order: what is handed on has neither gaps nor repeats, and a lead
/// that is over is ignored.
private func subscription(_ input: [UInt8]) {
    var source = Source(input)
    let logID = UniqueID(high: 7, low: 7)
    func position() -> UInt64 {
        let byte = source.byte()
        // Mostly small, sometimes at the end of what there is.
        return byte < 0xF0 ? UInt64(byte % 16) : RecordedEvent.maxOrdinal - UInt64(byte & 0xF)
    }
    guard let stream = StreamID(category: "account", name: "a") else { return }
    func record(_ position: UInt64) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, streamVersion: max(1, position), recordedAt: .earliest,
            event: NewEvent(id: UniqueID(high: 0, low: position), type: "T", schemaVersion: 1, data: []),
            continues: position % 3 == 1, hash: Digest256(position, 0, 0, 0))
    }
    let start = position()
    var machine = SubscriptionMachine(
        after: LogCheckpoint(logID: logID, position: start, hash: nil), waitingLimit: 4)
    var last = start
    var newest: UInt64 = 0
    while !source.isEmpty {
        let actions: [SubscriptionMachine.Action]
        switch source.byte() % 6 {
        case 0: actions = machine.received(record(position()), in: logID)
        case 1:
            let (place, hash, epoch) = (position(), Digest256(position(), 0, 0, 0), UInt64(source.byte() % 4))
            let head = machine.knownHead
            actions = machine.receivedHeartbeat(position: place, hash: hash, in: logID, epoch: epoch)
            if epoch > 0, epoch < newest { check(actions.isEmpty && head == machine.knownHead, "its lead is over") }
            newest = max(newest, epoch)
        case 2, 3:
            let (first, count, head) = (position(), UInt64(source.byte() % 8), position())
            let (end, isBeyond) = first.addingReportingOverflow(count)
            let records = isBeyond || end > RecordedEvent.maxOrdinal ? [] : (first..<end).map(record)
            let status = LogStatus(
                logID: logID, head: LogHead(position: head, hash: Digest256(head, 0, 0, 0), recordedAt: .earliest),
                epoch: UInt64(source.byte() % 4))
            actions = machine.readAnswered(LogPage(status: status, records: records))
        case 4: actions = machine.readFailed()
        default: actions = machine.retryRead()
        }
        for case .deliver(let records) in actions {
            for record in records {
                check(record.position == last + 1, "position \(record.position) follows on \(last)")
                last = record.position
            }
            check(records.last?.continues == false, "what is handed on ends with an append")
        }
        check(machine.position == last, "the machine knows how far it has come")
    }
}

/// What may be subscribed to: with a topic, whatever it begins with.
private func topic(_ input: [UInt8]) {
    guard Topic.isPrefix(input) else { return }
    check(input.indices.allSatisfy { Topic.isPrefix(input[..<$0]) }, "the beginning of a topic is a prefix")
}

/// Whoever reads records folds them.
private func fold(_ records: [RecordedEvent]) {
    var accounts: [StreamID: Revision<Account>] = [:]
    for record in records {
        _ = value { try accounts[record.stream, default: Revision(of: record.stream)].apply(record) }
        var writer = JSONWriter()
        guard value({ try AccountEvent.write(record, includingAccount: true, to: &writer) }) != nil else { continue }
        check(value { try JSONReader.validate(writer.bytes, requireObject: true) } != nil, "an event is shown as JSON")
    }
    for account in accounts.values { show(account) }
}

private func load(_ snapshot: Snapshot) {
    guard let account = value({ try Revision<Account>(snapshot) }) else { return }
    show(account)
}

private func show(_ account: Revision<Account>) {
    var writer = JSONWriter()
    account.writeAccount(to: &writer)
    check(value { try JSONReader.validate(writer.bytes, requireObject: true) } != nil, "an account is shown as JSON")
}
