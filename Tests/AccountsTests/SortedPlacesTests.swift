import TestSupport
import Testing

@testable import Accounts

@Suite struct SortedPlacesTests {
    @Test(arguments: 0..<5 as Range<UInt64>)
    func `places come in the order of what stands at them`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var values: [Int] = []
        var known: Set<Int> = []
        var places = SortedPlaces()
        for _ in 0..<3000 {
            // Runs in order, as new accounts often are, among others.
            let value = Bool.random(using: &random) ? values.count * 10 + 1 : Int.random(in: 0..<30_000, using: &random)
            guard known.insert(value).inserted else { continue }
            values.append(value)
            places.insert(Int32(values.count - 1)) { values[Int($0)] > value }
        }
        for _ in 0..<50 {
            let first = Int.random(in: -1...31_000, using: &random)
            let limit = Int.random(in: 0...1500, using: &random)
            let found = places.places(from: { values[Int($0)] >= first }, limit: limit)
            #expect(found.map { values[Int($0)] } == Array(values.sorted().filter { $0 >= first }.prefix(limit)))
            var visited: [Int32] = []
            if limit > 0 {
                places.forEach(from: { values[Int($0)] >= first }) { place in
                    visited.append(place)
                    return visited.count < limit
                }
            }
            #expect(visited == found)
        }
        #expect(SortedPlaces().places(from: { _ in true }, limit: 5).isEmpty)
    }
}
