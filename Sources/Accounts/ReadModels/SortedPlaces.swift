/// Places in a table, in an order that the caller knows: a sorted array cut into chunks, so that adding a place moves a
/// few hundred others at most. Four bytes a place, and a few of slack: what the order is made of stays in the table.
struct SortedPlaces: Sendable {
    private static let longestChunk = 512

    /// Each in order, none empty, and in order among themselves.
    private var chunks: [[Int32]] = []

    /// Adds a place before all those that come later in the order.
    mutating func insert(_ place: Int32, before isLater: (Int32) -> Bool) {
        guard !chunks.isEmpty else {
            chunks = [[place]]
            return
        }
        // One beyond all others goes into the last chunk.
        let index = min(firstChunk(where: isLater), chunks.count - 1)
        chunks[index].insert(place, at: Self.firstIndex(in: chunks[index], where: isLater))
        if chunks[index].count > Self.longestChunk {
            let half = Array(chunks[index][(Self.longestChunk / 2)...])
            chunks[index] = Array(chunks[index][..<(Self.longestChunk / 2)])
            chunks.insert(half, at: index + 1)
        }
    }

    /// The places from the first on for which a condition holds that holds for all after it, too; in order, at most
    /// `limit`.
    func places(from isLater: (Int32) -> Bool, limit: Int) -> [Int32] {
        var result: [Int32] = []
        var index = firstChunk(where: isLater)
        var start = index < chunks.count ? Self.firstIndex(in: chunks[index], where: isLater) : 0
        while index < chunks.count, result.count < limit {
            result += chunks[index][start...].prefix(limit - result.count)
            index += 1
            start = 0
        }
        return result
    }

    /// Calls a function with each place from the first one on for which a condition holds that holds for all after it, too;
    /// in order, until it returns false.
    func forEach(from isLater: (Int32) -> Bool, _ body: (Int32) -> Bool) {
        var index = firstChunk(where: isLater)
        var start = index < chunks.count ? Self.firstIndex(in: chunks[index], where: isLater) : 0
        while index < chunks.count {
            for place in chunks[index][start...] where !body(place) { return }
            index += 1
            start = 0
        }
    }

    /// The first chunk whose last place is one of the later ones.
    private func firstChunk(where isLater: (Int32) -> Bool) -> Int {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if let last = chunks[middle].last, isLater(last) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func firstIndex(in chunk: [Int32], where isLater: (Int32) -> Bool) -> Int {
        var (low, high) = (0, chunk.count)
        while low < high {
            let middle = (low + high) / 2
            if isLater(chunk[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
