import EventSourcing
import TestSupport
import Testing

@testable import Accounts

@Suite struct ExpiringAmountsTests {
    @Test(arguments: 0..<5 as Range<UInt64>)
    func `the sum at a time is that of the amounts that have ended by then`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var amounts = ExpiringAmounts()
        var model: [(time: Int64, amount: Int64)] = []
        for step in 0..<6000 {
            // More come than go, then more go than come.
            if model.isEmpty || Int.random(in: 0..<10, using: &random) < (step < 3500 ? 8 : 2) {
                // Many at the same times, with the same amounts.
                let entry = (
                    time: Int64.random(in: 0..<400, using: &random), amount: Int64.random(in: 1...5, using: &random)
                )
                model.append(entry)
                amounts.insert(entry.amount, endingAt: Timestamp(microseconds: entry.time))
            } else {
                let entry = model.remove(at: Int.random(in: 0..<model.count, using: &random))
                amounts.remove(entry.amount, endingAt: Timestamp(microseconds: entry.time))
            }
            guard step % 97 == 0 else { continue }
            let time = Int64.random(in: -1...401, using: &random)
            let expected = model.filter { $0.time <= time }.reduce(Int128(0)) { $0 + Int128($1.amount) }
            #expect(amounts.sum(endedAt: Timestamp(microseconds: time)) == expected, "step \(step)")
        }
        for entry in model { amounts.remove(entry.amount, endingAt: Timestamp(microseconds: entry.time)) }
        #expect(amounts == ExpiringAmounts())
    }
}
