/// Names in order, each once: a sorted array cut into chunks, so that adding a name moves a few hundred others at most.
struct SortedNames: Hashable, Sendable {
    private static let longestChunk = 512

    /// Each sorted, none empty, and in order among themselves.
    private var chunks: [[String]] = []

    /// The number of names.
    private(set) var count = 0

    /// Adds a name that is not among them yet.
    mutating func insert(_ name: String) {
        count += 1
        guard !chunks.isEmpty else {
            chunks = [[name]]
            return
        }
        // A name beyond all others goes into the last chunk.
        let index = min(firstChunk { $0 >= name }, chunks.count - 1)
        chunks[index].insert(name, at: Self.firstIndex(in: chunks[index]) { $0 > name })
        if chunks[index].count > Self.longestChunk {
            let half = Array(chunks[index][(Self.longestChunk / 2)...])
            chunks[index].removeSubrange((Self.longestChunk / 2)...)
            chunks.insert(half, at: index + 1)
        }
    }

    /// The names after `name`, in order, at most `limit`; from the beginning where `name` is nil.
    func names(after name: String?, limit: Int) -> [String] {
        var result: [String] = []
        var index = name.map { name in firstChunk { $0 > name } } ?? 0
        var start = 0
        if let name, index < chunks.count { start = Self.firstIndex(in: chunks[index]) { $0 > name } }
        while index < chunks.count, result.count < limit {
            result += chunks[index][start...].prefix(limit - result.count)
            index += 1
            start = 0
        }
        return result
    }

    /// The first chunk whose last name satisfies a condition that holds for all names from some point on.
    private func firstChunk(where condition: (String) -> Bool) -> Int {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if let last = chunks[middle].last, condition(last) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func firstIndex(in chunk: [String], where condition: (String) -> Bool) -> Int {
        var (low, high) = (0, chunk.count)
        while low < high {
            let middle = (low + high) / 2
            if condition(chunk[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
