import Accounts
import TestSupport
import Testing

@Suite struct MoneyTests {
    static let texts: [(units: Int64, digits: Int, text: String)] = [
        (0, 0, "0"), (5, 0, "5"), (10, 0, "10"), (-5, 0, "-5"), (0, 2, "0.00"), (5, 2, "0.05"), (-5, 2, "-0.05"),
        (50, 2, "0.50"), (100, 2, "1.00"), (130_000, 2, "1300.00"), (-130_001, 2, "-1300.01"), (1, 1, "0.1"),
        (10, 1, "1.0"), (1, 3, "0.001"), (999, 3, "0.999"), (1000, 3, "1.000"), (1, 4, "0.0001"), (10_000, 4, "1.0000"),
        (99_999, 4, "9.9999"), (999_999_999_999_999, 0, "999999999999999"),
        (999_999_999_999_999, 2, "9999999999999.99"),
        (-999_999_999_999_999, 4, "-99999999999.9999"), (100_000_000_000_000, 2, "1000000000000.00"),
    ]

    @Test(arguments: texts) func `Text and amount are two forms of one thing`(
        _ units: Int64, _ digits: Int, _ text: String
    ) throws {
        let money = try #require(Money(minorUnits: units, fractionDigits: digits))
        #expect(money.description == text)
        #expect(Money(exactText: text) == money)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `Any amount comes back from its text`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let bound = (0..<Int.random(in: 0...15, using: &generator)).reduce(Int64(1)) { bound, _ in bound * 10 } - 1
            let units = Int64.random(in: -bound...bound, using: &generator)
            let digits = Int.random(in: 0...4, using: &generator)
            let money = try #require(Money(minorUnits: units, fractionDigits: digits))
            #expect(Money(exactText: money.description) == money)
            let plain = money.description.filter { $0 != "." }
            #expect(Int64(plain) == units)
            let point = money.description.firstIndex(of: ".")
            #expect(point.map { money.description[$0...].utf8.count - 1 } ?? 0 == digits)
        }
    }

    @Test(arguments: [
        "", "-", ".", "-.", "5.", ".5", "-.5", "05", "00", "00.50", "-0", "-0.00", "+5", " 5", "5 ", "5e2", "5E2",
        "1,000",
        "0x10", "NaN", "Infinity", "1.2.3", "1..2", "--1", "1-", "1.00000", "0.00000", "1.-5", "٣", "5\u{0}", "５",
        "1000000000000000", "10000000000000.00", "100000000000.0000", "-1000000000000000", "99999999999999999999999999",
    ])
    func `Text in any other form is no amount`(_ text: String) {
        #expect(Money(exactText: text) == nil)
    }

    @Test func `An amount is bounded to 15 digits on both sides`() {
        for digits in 0...4 {
            #expect(Money(minorUnits: 999_999_999_999_999, fractionDigits: digits) != nil)
            #expect(Money(minorUnits: -999_999_999_999_999, fractionDigits: digits) != nil)
            #expect(Money(minorUnits: 1_000_000_000_000_000, fractionDigits: digits) == nil)
            #expect(Money(minorUnits: -1_000_000_000_000_000, fractionDigits: digits) == nil)
        }
        #expect(Money(minorUnits: .max, fractionDigits: 2) == nil)
        #expect(Money(minorUnits: .min, fractionDigits: 2) == nil)
        #expect(Money(minorUnits: 1, fractionDigits: -1) == nil)
        #expect(Money(minorUnits: 1, fractionDigits: 5) == nil)
    }

    @Test(arguments: bounds) func `The largest amount is that of the contract`(
        _ bound: (currency: Currency, largest: String, beyond: String, sum: String)
    ) {
        #expect(Money.largest(in: bound.currency).description == bound.largest)
        #expect(Money(exactText: bound.beyond) == nil)
    }

    @Test func `Sums and differences are exact, or an error`() throws {
        #expect(try money("0.10").adding(money("0.20")) == money("0.30"))
        #expect(try money("1.00").subtracting(money("1.01")) == money("-0.01"))
        #expect(try money("9999999999999.98").adding(money("0.01")) == money("9999999999999.99"))
        #expect(throws: MoneyError.outOfRange) { try money("9999999999999.99").adding(money("0.01")) }
        #expect(throws: MoneyError.outOfRange) { try money("-9999999999999.99").subtracting(money("0.01")) }
        #expect(throws: MoneyError.outOfRange) { try money("9999999999999.99").adding(money("9999999999999.99")) }
        #expect(throws: MoneyError.differentDigits) { try money("1.00").adding(money("1")) }
        #expect(throws: MoneyError.differentDigits) { try money("1.00").subtracting(money("1.000")) }
    }

    @Test func `Order is that of the amounts, and only between equal digits`() async {
        #expect(money("0.99") < money("1.00"))
        #expect(money("-1.00") < money("0.00"))
        #expect(!(money("1.00") < money("1.00")))
        #expect(money("1.0") != money("1.00"))
        await #expect(processExitsWith: .failure) { _ = Money(exactText: "1.0")! < Money(exactText: "1.00")! }
    }
}
