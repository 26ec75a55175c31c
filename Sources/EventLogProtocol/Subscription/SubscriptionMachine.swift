public import EventSourcing

/// What a subscriber holds of a log: how far it has come, and the proof of it.
public struct LogCheckpoint: Hashable, Sendable {
    /// The log's id; nil where the subscriber takes whatever log it finds.
    public let logID: UniqueID?
    /// The last position that it holds, 0 for none: always the end of an append.
    public let position: UInt64
    /// The hash there; nil where it is not known, as at the beginning of a log not met yet.
    public let hash: Digest256?

    /// Before the first record of whatever log is found.
    public static let beginning = LogCheckpoint(logID: nil, position: 0, hash: nil)

    /// A checkpoint from its parts.
    public init(logID: UniqueID?, position: UInt64, hash: Digest256?) {
        self.logID = logID
        self.position = position
        self.hash = hash
    }
}

/// Why a subscriber cannot go on: what it holds is not a part of the log that it hears of.
public enum LogDivergence: Error, Hashable, Sendable, CustomStringConvertible {
    /// The log has another id.
    case anotherLog(expected: UniqueID, found: UniqueID)
    /// The log ends before the last record that the subscriber holds.
    case wentBack(held: UInt64, head: UInt64)
    /// The record at this position does not continue the chain of hashes.
    case brokenChain(position: UInt64)
    /// The position that the subscriber goes on after is inside an append: what it holds shows half of one.
    case insideAppend(position: UInt64)

    /// One sentence.
    public var description: String {
        switch self {
        case .anotherLog(let expected, let found): "expected log \(expected), found log \(found)"
        case .wentBack(let held, let head): "position \(held) was recorded before, but the log now ends at \(head)"
        case .brokenChain(let position): "the record at position \(position) does not continue the chain of hashes"
        case .insideAppend(let position): "position \(position), where the checkpoint stands, is inside an append"
        }
    }
}

/// Why a subscriber cannot go on now, though all that it holds is a part of the log. It tries again and again.
public enum LogObstacle: Hashable, Sendable, CustomStringConvertible {
    /// The append that begins after this position is larger than any can be.
    case endlessAppend(after: UInt64)
    /// The log ends inside the append that begins after this position.
    case unfinishedAppend(after: UInt64)

    /// One sentence.
    public var description: String {
        switch self {
        case .endlessAppend(let position):
            "the append that begins after position \(position) has more than \(HeldAppend.maxRecords) records or "
                + "\(HeldAppend.maxBytes) bytes, which no append can have; verify the log"
        case .unfinishedAppend(let position):
            "the log ends inside the append that begins after position \(position); verify the log"
        }
    }
}

/// The heart of a subscription: turns what arrives, in whatever order and with whatever losses, into the exact,
/// ordered, gapless sequence of records, append by append: what came of an append is held back until all of it has come.
///
/// A pure state machine after the rules in `event-stream.md`, "Joining as a subscriber": wait for the first message,
/// read from the last position held up to the head, then take live events, only `last + 1` each, dropping what is
/// older, and reading again at a gap or when a heartbeat shows a head beyond. Inputs are its methods; each returns what
/// is to be done, in order. Time, network and disk are the caller's.
///
/// Several services may lead the log in turn, and more than one may publish while the lead changes. Events are proved
/// by their position and hash, so it does not matter who sent them; heartbeats and pages of an earlier lead than the
/// newest reported are not believed.
///
/// The first page after a checkpoint begins with the checkpoint's own record, which shows that it is where an append ends.
public struct SubscriptionMachine: Sendable {
    /// What the caller is to do.
    public enum Action: Hashable, Sendable {
        /// Hand these records on: they follow on what was handed on before, without a gap, and are whole appends.
        case deliver([RecordedEvent])
        /// Read the log after this position and give the answer to ``readAnswered(_:)`` or ``readFailed()``.
        case read(after: UInt64)
        /// Call ``retryRead()`` after a pause.
        case retryLater
        /// Stop: what was handed on is not a part of this log. The machine takes nothing any more.
        case diverged(LogDivergence)
    }

    private enum Phase: Hashable {
        /// Nothing was heard yet.
        case joining
        /// A read is under way.
        case reading
        /// A read failed, and the next waits for its time.
        case pausing
        /// All that was published is handed on as it comes.
        case live
        /// The end.
        case diverged
    }

    private var phase = Phase.joining
    private var logID: UniqueID?
    private var lead: KnownLead
    private var hash: Digest256?
    /// Live events that wait for a read to close the gap before them; contiguous.
    private var waiting: [RecordedEvent] = []
    private let waitingLimit: Int
    /// What came after `position` of an append that has not ended yet.
    private var held = HeldAppend()
    /// Whether the record at the checkpoint is still to be compared with it.
    private var mustProveCheckpoint: Bool
    /// Whether the last read found the log's head behind what is held.
    private var wasFoundBehind = false

    /// The last position handed on: the end of an append.
    public private(set) var position: UInt64
    /// Why nothing can be handed on now; nil if nothing is in the way.
    public private(set) var obstacle: LogObstacle?
    /// The highest position that is known to be recorded and the end of an append.
    public private(set) var knownHead: UInt64
    /// Gaps found among live events, each repaired by reading.
    public private(set) var gaps: UInt64 = 0
    /// Tails found to be lost by a heartbeat.
    public private(set) var lostTails: UInt64 = 0
    /// Events that were dropped because they had been handed on before.
    public private(set) var repeats: UInt64 = 0

    /// A machine that goes on after a checkpoint.
    ///
    /// - Parameter waitingLimit: the most live events that are kept while a read is under way; what does not fit is
    ///   read again later.
    public init(after checkpoint: LogCheckpoint, waitingLimit: Int = 10_000) {
        self.init(after: checkpoint, waitingLimit: waitingLimit, lead: KnownLead())
    }

    /// A machine that goes on after a checkpoint, and knows a lead from before.
    init(after checkpoint: LogCheckpoint, waitingLimit: Int = 10_000, lead: KnownLead) {
        self.lead = lead
        logID = checkpoint.logID
        position = checkpoint.position
        knownHead = checkpoint.position
        hash = checkpoint.hash
        mustProveCheckpoint = checkpoint.position > 0
        self.waitingLimit = waitingLimit
    }

    /// Whether every append that is known to be recorded was handed on, and what comes is handed on at once.
    public var isLive: Bool { phase == .live }

    /// How far the machine has come, to go on from another time.
    public var checkpoint: LogCheckpoint { LogCheckpoint(logID: logID, position: position, hash: hash) }

    /// The newest lead of the log that was reported, to go on with in another machine.
    var knownLead: KnownLead { lead }

    /// Whether a heartbeat of this epoch is believed: whether it shows that the log runs, and its head.
    public func believesHeartbeat(of epoch: UInt64, in logID: UniqueID) -> Bool { lead.believes(epoch, of: logID) }

    /// A live event arrived.
    public mutating func received(_ record: RecordedEvent, in logID: UniqueID) -> [Action] {
        guard phase != .diverged else { return [] }
        if let divergence = adopt(logID) { return diverge(divergence) }
        if !record.continues { knownHead = max(knownHead, record.position) }
        switch phase {
        case .diverged:
            return []
        case .joining:
            keep(record)
            return read()
        case .reading, .pausing:
            keep(record)
            return []
        case .live:
            guard record.position > reached.position else {
                repeats += 1
                return []
            }
            guard record.position == reached.position + 1 else {
                gaps += 1
                keep(record)
                return read()
            }
            return take([record])
        }
    }

    /// A heartbeat arrived: the log's head and the hash there.
    ///
    /// - Parameter epoch: which lead it is from; 0: the log counts none.
    public mutating func receivedHeartbeat(
        position head: UInt64, hash: Digest256, in logID: UniqueID, epoch: UInt64 = 0
    ) -> [Action] {
        guard phase != .diverged else { return [] }
        if let divergence = adopt(logID) { return diverge(divergence) }
        guard lead.believes(epoch, of: logID) else { return [] }
        _ = lead.learn(epoch, of: logID)
        guard head >= reached.position else {
            // Older than what a read has brought, or the log went back: a read tells which.
            return phase == .live || phase == .joining ? read() : []
        }
        if head == reached.position, let known = reached.hash, known != hash {
            return diverge(.brokenChain(position: head))
        }
        knownHead = max(knownHead, head)
        switch phase {
        case .joining:
            return read()
        case .live where head > position:
            lostTails += 1
            return read()
        case .live, .reading, .pausing, .diverged:
            return []
        }
    }

    /// The read asked for was answered.
    public mutating func readAnswered(_ page: LogPage) -> [Action] {
        guard phase == .reading else { return [] }
        if let divergence = adopt(page.status.logID) { return diverge(divergence) }
        guard lead.believes(page.status.epoch, of: page.status.logID) else { return pause() }
        _ = lead.learn(page.status.epoch, of: page.status.logID)
        guard page.status.head.position >= reached.position else {
            // Said twice, with a pause between: a log tells of its head a moment after its records can be read.
            guard wasFoundBehind else {
                wasFoundBehind = true
                return pause()
            }
            return diverge(.wentBack(held: reached.position, head: page.status.head.position))
        }
        wasFoundBehind = false
        knownHead = max(knownHead, page.status.head.position)
        let isProof = mustProveCheckpoint
        if isProof {
            // The log knows of the record and did not give it.
            guard let record = page.records.first else { return pause() }
            if let divergence = prove(record) { return diverge(divergence) }
        }
        phase = .live
        let before = reached.position
        // Nearly always it begins with what is next; then it is handed on without being copied.
        let isNew = page.records.first.map { $0.position > before } ?? true
        var actions = take(isNew ? page.records : page.records.filter { $0.position > before })
        guard phase == .live else { return actions }
        let fresh = waiting.drop { $0.position <= reached.position }
        if let first = fresh.first, first.position == reached.position + 1 {
            waiting = []
            actions += take(Array(fresh))
            guard phase == .live else { return actions }
        } else if fresh.isEmpty {
            waiting = []
        }
        guard position < knownHead else { return actions }
        guard isProof || reached.position > before else {
            // The log knows of more than it gave: asking again at once would only burn time.
            if !held.records.isEmpty { obstacle = .unfinishedAppend(after: position) }
            return actions + pause()
        }
        return actions + read()
    }

    /// The read asked for failed.
    public mutating func readFailed() -> [Action] {
        guard phase == .reading else { return [] }
        return pause()
    }

    /// The pause after a failed read is over.
    public mutating func retryRead() -> [Action] {
        phase == .pausing ? read() : []
    }

    private mutating func read() -> [Action] {
        phase = .reading
        return [.read(after: mustProveCheckpoint ? position - 1 : reached.position)]
    }

    private mutating func pause() -> [Action] {
        phase = .pausing
        return [.retryLater]
    }

    /// The last record taken in, handed on or held back.
    private var reached: (position: UInt64, hash: Digest256?) {
        held.records.last.map { ($0.position, $0.hash) } ?? (position, hash)
    }

    /// Compares the record at the checkpoint with it.
    private mutating func prove(_ record: RecordedEvent) -> LogDivergence? {
        guard record.position == position, hash == nil || record.hash == hash else {
            return .brokenChain(position: position)
        }
        guard !record.continues else { return .insideAppend(position: position) }
        hash = record.hash
        mustProveCheckpoint = false
        return nil
    }

    /// Keeps what follows on the last event kept; at a gap among them only the newer run is of use, since the read
    /// under way closes the older one.
    private mutating func keep(_ record: RecordedEvent) {
        if let last = waiting.last {
            if record.position <= last.position { return }
            if record.position > last.position + 1 {
                gaps += 1
                waiting = []
            }
        }
        // Beyond the limit the run keeps its beginning: what is missing after it is read when the run is handed on.
        if waiting.count < waitingLimit { waiting.append(record) }
    }

    /// Takes in records that must follow on what was taken in before, and hands on the appends that are whole.
    private mutating func take(_ records: [RecordedEvent]) -> [Action] {
        guard !records.isEmpty, let logID else { return [] }
        var (last, previous) = reached
        for (index, record) in records.enumerated() {
            let isNext =
                record.position == last + 1
                && (previous.map { HashChain.hash(of: record, after: $0, in: logID) == record.hash } ?? true)
            guard isNext else {
                return handOn(Array(records[..<index])) + diverge(.brokenChain(position: record.position))
            }
            (last, previous) = (record.position, record.hash)
        }
        return handOn(records)
    }

    private mutating func handOn(_ records: [RecordedEvent]) -> [Action] {
        let outcome = held.take(records)
        var actions: [Action] = []
        if let last = outcome.whole.last {
            position = last.position
            hash = last.hash
            knownHead = max(knownHead, position)
            obstacle = nil
            actions.append(.deliver(outcome.whole))
        }
        if outcome.isTooLarge {
            obstacle = .endlessAppend(after: position)
            waiting = []
            actions += pause()
        }
        return actions
    }

    private mutating func adopt(_ found: UniqueID) -> LogDivergence? {
        guard let expected = logID else {
            logID = found
            if position == 0 { hash = HashChain.genesis(of: found) }
            return nil
        }
        if position == 0, hash == nil { hash = HashChain.genesis(of: expected) }
        return expected == found ? nil : .anotherLog(expected: expected, found: found)
    }

    private mutating func diverge(_ divergence: LogDivergence) -> [Action] {
        phase = .diverged
        waiting = []
        held.drop()
        return [.diverged(divergence)]
    }
}
