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

/// The histories of a file in the shape of the recipe: newline-delimited JSON, an event a line.
///
/// A line that is broken, or cannot have happened after the lines of its account before it, rules its whole account out:
/// an account is taken whole or not at all.
public struct RecipeFile: Sendable {
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
    private var lines = 0

    /// A file without lines.
    public init() {}

    /// The number of accounts that can be taken.
    public var accounts: Int { histories.count }

    /// The number of accounts that are ruled out by a broken line.
    public var accountsRuledOut: Int { ruledOut.count }

    /// The number of events of the accounts that can be taken.
    public var events: Int { histories.values.reduce(0) { $0 + $1.events.count } }

    /// Takes in the next line; an empty one is passed over.
    public mutating func add(_ line: [UInt8]) {
        lines += 1
        guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\t") })
        else { return }
        do throws(RecipeLineError) {
            let parsed = try RecipeLine(line)
            guard !ruledOut.contains(parsed.stream) else { return }
            let event = try parsed.event()
            if histories[parsed.stream] == nil {
                histories[parsed.stream] = History(revision: Revision(of: parsed.stream))
                order.append(parsed.stream)
            }
            do throws(ImpossibleEvent) {
                // Ids and times are the log's; here only what the events do to the account counts.
                try histories[parsed.stream]?.revision.apply(
                    event, id: UniqueID(high: 0, low: 0), recordedAt: Timestamp(microseconds: 0))
            } catch {
                throw RecipeLineError(error.reason, of: parsed.stream)
            }
            histories[parsed.stream]?.events.append((parsed.type, parsed.data))
        } catch {
            brokenLines.append(BrokenLine(number: lines, reason: error.reason))
            if let stream = error.stream {
                histories[stream] = nil
                ruledOut.insert(stream)
            }
        }
    }
}
