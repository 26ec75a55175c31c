import Foundation
import TestSupport
import Testing

@testable import Accounts

@Suite struct DoubleAmountTests {
    @Test(arguments: [
        ("500.0", "500.00"), ("500", "500.00"), ("0", "0.00"), ("0.0", "0.00"), ("-0.0", "0.00"), ("0.01", "0.01"),
        ("1e3", "1000.00"), ("1E+2", "100.00"), ("5e-2", "0.05"), ("12.5e1", "125.00"), ("100e-2", "1.00"),
        ("0.30000000000000004", "0.30"), ("3.3000000000000003", "3.30"), ("1234.5600000000001", "1234.56"),
        ("0.1499999999999999944", "0.15"), ("0.99999999999999989", "1.00"), ("99.9999999999999999", "100.00"),
        ("-0.1", "-0.10"), ("-1234.5600000000001", "-1234.56"), ("-1e3", "-1000.00"),
        ("9999999999999.99", "9999999999999.99"), ("-9999999999999.99", "-9999999999999.99"),
        ("9999999999999.9902", "9999999999999.99"), ("0.0100000000000000002", "0.01"),
    ])
    func `a double's digits are read as the cents that they mean`(literal: String, cents: String) {
        #expect(DoubleAmount.cents(literal) == cents)
    }

    @Test(arguments: [
        // Not whole cents, with 15 significant digits.
        "0.005", "1.005", "-0.005", "0.001", "1e-3", "1e-400", "0.30000000000004", "0.014999999999999", "123.456",
        // Beyond 15 digits of cents.
        "10000000000000", "-10000000000000", "9999999999999.995", "1e13", "1e15", "1e300", "1e400", "1e99999999999",
        "123456789012345678901234567890",
    ])
    func `what is no amount in cents is refused`(literal: String) {
        #expect(DoubleAmount.cents(literal) == nil)
    }

    @Test(arguments: [
        // The 15th digit decides, half away from zero; what is left must still be whole cents.
        ("1234567890123.454", "1234567890123.45"), ("1234567890123.455", "1234567890123.46"),
        ("-1234567890123.455", "-1234567890123.46"), ("1234567890123.4549999999", "1234567890123.45"),
        ("1999999999999.995", "2000000000000.00"),
    ])
    func `the 15th significant digit is rounded half away from zero`(literal: String, cents: String) {
        #expect(DoubleAmount.cents(literal) == cents)
    }

    /// Every way in which a program may have written the double.
    private func literals(_ value: Double) -> [String] {
        ["\(value)", String(format: "%.17g", value), String(format: "%.16e", value), String(format: "%.15g", value)]
    }

    private func text(_ cents: Int64) -> String? { Money(minorUnits: cents, fractionDigits: 2)?.description }

    @Test(arguments: 1...15)
    func `I6: every amount that was held as a double comes back exact`(digits: Int) {
        var generator = SeededGenerator(seed: UInt64(digits))
        let largest = (0..<digits).reduce(Int64(1)) { bound, _ in bound * 10 } - 1
        for cents in [largest, -largest, largest / 2]
            + (0..<400).map({ _ in .random(in: -largest...largest, using: &generator) })
        {
            let expected = text(cents)
            for literal in literals(Double(cents) / 100) {
                #expect(DoubleAmount.cents(literal) == expected, "\(cents): \(literal)")
            }
        }
    }

    /// Each of up to three terms, each sum and the writing may be off by half of the last binary digit: five times
    /// 2^-53, and rounding to 15 digits makes good at least 5 * 10^-16.
    @Test(arguments: 1...14)
    func `I6: a sum of two or three amounts, added up in doubles, comes back exact`(digits: Int) {
        var generator = SeededGenerator(seed: 100 + UInt64(digits))
        let largest = (0..<digits).reduce(Int64(1)) { bound, _ in bound * 10 } - 1
        for _ in 0..<1000 {
            let terms = (0..<Int.random(in: 2...3, using: &generator)).map { _ in
                Int64.random(in: 0...largest, using: &generator)
            }
            let sum = terms.reduce(0.0) { $0 + Double($1) / 100 }
            #expect(DoubleAmount.cents("\(sum)") == text(terms.reduce(0, +)), "\(terms): \(sum)")
        }
    }

    @Test func `a sum that has drifted beyond 15 digits is refused, not guessed at`() {
        let drifted = (0..<100).reduce(0.0) { sum, _ in sum + 0.1 }
        #expect("\(drifted)" == "9.99999999999998")
        #expect(DoubleAmount.cents("\(drifted)") == nil)
    }
}
