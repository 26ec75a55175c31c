internal import Accounts
internal import EventSourcing

/// A line of a file that cannot be taken, and with it its account.
public struct BrokenLine: Hashable, Sendable, CustomStringConvertible {
    /// The line's number, from 1.
    public let number: Int
    /// Why.
    public let reason: String

    /// One sentence.
    public var description: String { "line \(number): \(reason)" }
}

/// Why a file is not read to its end.
public enum RecipeFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More lines are broken than are reported.
    case tooManyBrokenLines
    /// The lines that can be taken are more than may be held in memory.
    case tooLarge

    /// One sentence.
    public var description: String {
        switch self {
        case .tooManyBrokenLines: "more than \(RecipeFile.maxBrokenLines) lines are broken"
        case .tooLarge: "it has more than \(RecipeFile.maxBytes) bytes of events: split it by accounts"
        }
    }
}

/// The histories of a file in the shape of the recipe: newline-delimited JSON, an event a line.
///
/// A line that is broken, or cannot have happened after the lines of its account before it, rules its whole account out:
/// an account is taken whole or not at all. A line of which nobody can tell whose it is may be anybody's, so it rules out
/// the file: an account taken without one of its lines could never be mended, since its history in the log would be another.
public struct RecipeFile: Sendable {
    /// The most broken lines that are reported.
    public static let maxBrokenLines = 1000
    /// The most bytes of lines that are held.
    public static let maxBytes = 1 << 30

    struct History: Sendable {
        var revision: Revision<Account>
        var events: [(type: String, data: [UInt8])] = []
    }

    /// The lines that cannot be taken.
    public private(set) var brokenLines: [BrokenLine] = []
    private(set) var histories: [StreamID: History] = [:]
    /// The accounts in the order in which they first come.
    private(set) var order: [StreamID] = []
    private var ruledOut: Set<StreamID> = []
    /// Whether a line that may be anybody's rules out all accounts.
    private var isRuledOut = false
    private var lines = 0
    private var bytes = 0

    /// A file without lines.
    public init() {}

    /// The number of accounts that can be taken.
    public var accounts: Int { histories.count }

    /// The number of accounts that are ruled out by a broken line.
    public var accountsRuledOut: Int { ruledOut.count }

    /// The number of events of the accounts that can be taken.
    public var events: Int { histories.values.reduce(0) { $0 + $1.events.count } }

    /// Takes in the next line; an empty one is passed over.
    public mutating func add(_ line: [UInt8]) throws(RecipeFileError) {
        lines += 1
        guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\t") })
        else { return }
        do throws(RecipeLineError) {
            if try take(try RecipeLine(line)) { bytes += line.count }
        } catch {
            guard brokenLines.count < Self.maxBrokenLines else { throw .tooManyBrokenLines }
            let consequence =
                error.stream == nil ? ": whose line it is cannot be known, so nothing of the file is taken" : ""
            brokenLines.append(BrokenLine(number: lines, reason: error.reason + consequence))
            if let stream = error.stream { ruleOut(stream) } else { ruleOutAll() }
        }
        guard bytes <= Self.maxBytes else { throw .tooLarge }
    }

    /// - Returns: whether the line is kept.
    private mutating func take(_ line: RecipeLine) throws(RecipeLineError) -> Bool {
        if isRuledOut { ruledOut.insert(line.stream) }
        let event = try line.event()
        guard !ruledOut.contains(line.stream) else { return false }
        if histories[line.stream] == nil {
            histories[line.stream] = History(revision: Revision(of: line.stream))
            order.append(line.stream)
        }
        do throws(ImpossibleEvent) {
            // Ids and times are the log's; here only what the events do to the account counts.
            try histories[line.stream]?.revision.apply(
                event, id: UniqueID(high: 0, low: 0), recordedAt: Timestamp(microseconds: 0))
        } catch {
            throw RecipeLineError(error.reason, of: line.stream)
        }
        histories[line.stream]?.events.append((line.type, line.data))
        return true
    }

    private mutating func ruleOut(_ stream: StreamID) {
        histories[stream] = nil
        ruledOut.insert(stream)
    }

    private mutating func ruleOutAll() {
        isRuledOut = true
        ruledOut.formUnion(histories.keys)
        histories = [:]
        order = []
    }
}
