internal import EventSourcing

/// Amounts that end at a time each: a sorted multiset cut into chunks with a sum each, so that the sum of all that have
/// ended by a time costs one addition a chunk.
struct ExpiringAmounts: Hashable, Sendable {
    private static let maxChunk = 512

    private struct Entry: Comparable, Hashable, Sendable {
        let time: Timestamp
        let amount: Int64

        static func < (left: Entry, right: Entry) -> Bool {
            left.time == right.time ? left.amount < right.amount : left.time < right.time
        }
    }

    private struct Chunk: Hashable, Sendable {
        /// In order, at least one.
        var entries: [Entry]
        var sum: Int128
    }

    /// In order among themselves.
    private var chunks: [Chunk] = []

    /// Adds an amount that ends at a time.
    mutating func insert(_ amount: Int64, endingAt time: Timestamp) {
        let entry = Entry(time: time, amount: amount)
        guard !chunks.isEmpty else {
            chunks = [Chunk(entries: [entry], sum: Int128(amount))]
            return
        }
        // One beyond all others goes into the last chunk.
        let index = min(firstChunk(endingFrom: entry), chunks.count - 1)
        chunks[index].entries.insert(entry, at: Self.firstIndex(in: chunks[index].entries, from: entry))
        chunks[index].sum += Int128(amount)
        if chunks[index].entries.count > Self.maxChunk { split(index) }
    }

    /// Takes an amount out that was added with this time.
    mutating func remove(_ amount: Int64, endingAt time: Timestamp) {
        let entry = Entry(time: time, amount: amount)
        let index = firstChunk(endingFrom: entry)
        guard index < chunks.count else { return }
        let place = Self.firstIndex(in: chunks[index].entries, from: entry)
        guard place < chunks[index].entries.count, chunks[index].entries[place] == entry else { return }
        chunks[index].entries.remove(at: place)
        chunks[index].sum -= Int128(amount)
        if chunks[index].entries.isEmpty { chunks.remove(at: index) }
    }

    /// The sum of the amounts that have ended at a time: those whose time is this or an earlier one.
    func sum(endedAt time: Timestamp) -> Int128 {
        var sum: Int128 = 0
        for chunk in chunks {
            if let last = chunk.entries.last, last.time <= time {
                sum += chunk.sum
                continue
            }
            for entry in chunk.entries {
                guard entry.time <= time else { break }
                sum += Int128(entry.amount)
            }
            break
        }
        return sum
    }

    private mutating func split(_ index: Int) {
        let half = Array(chunks[index].entries[(Self.maxChunk / 2)...])
        let sum = half.reduce(into: Int128(0)) { $0 += Int128($1.amount) }
        chunks[index].entries.removeSubrange((Self.maxChunk / 2)...)
        chunks[index].sum -= sum
        chunks.insert(Chunk(entries: half, sum: sum), at: index + 1)
    }

    /// The first chunk whose last entry is not before an entry.
    private func firstChunk(endingFrom entry: Entry) -> Int {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if let last = chunks[middle].entries.last, last >= entry { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func firstIndex(in entries: [Entry], from entry: Entry) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle] >= entry { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
