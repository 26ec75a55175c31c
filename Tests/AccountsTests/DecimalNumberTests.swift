import Accounts
import TestSupport
import Testing

@Suite struct DecimalNumberTests {
    @Test(arguments: [
        "500", "500.0", "500.00", "500.00000000000000000000000000", "5e2", "5E2", "5e+2", "5E+02", "5e0002", "50000e-2",
        "0.5e3", "0.0005e6", "0.05E+4", "5000000000000000000000000000000e-28", "500e0", "500e-0", "500.0e+0",
    ])
    func `Every way to write five hundred is five hundred`(_ text: String) {
        #expect(number(text) == DecimalNumber(500))
        #expect(number(text).hashValue == number("500").hashValue)
        #expect(number(text).description == "500")
        #expect(amount(text, .usd) == .success("500.00"))
        #expect(number("-" + text) == DecimalNumber(-500))
    }

    @Test(arguments: [
        "", " ", "-", "+", ".", "e", "+5", "++5", "--5", "-+5", "05", "00", "-05", "00.5", "5.", "-5.", ".5", "-.5",
        "5.e2",
        ".e2", "e2", "5e", "5e+", "5e-", "5e2.0", "5ee2", "5e2e2", "1.2.3", " 5", "5 ", "\t5", "5\n", "5\u{0}", "0x10",
        "0X1F", "1_000", "1,000", "1'000", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "true", "null",
        "\"5\"",
        "５", "٣", "5€", "$5", "1e2147483648x", "½", "1\u{301}",
    ])
    func `What JSON does not call a number is none`(_ text: String) {
        #expect(amountError(text) == .notANumber)
    }

    @Test(arguments: [
        "0", "-0", "0.0", "-0.00", "0e0", "0e999999999", "0e-999999999", "-0e99999999999999999999999999999999999999",
        "0.000000000000000000000000000000000000000000000e-99999999999999999999999999999999999",
        "0." + String(repeating: "0", count: 60_000), "0e" + String(repeating: "9", count: 60_000),
        "0e-" + String(repeating: "9", count: 60_000),
    ])
    func `Nothing is nothing, whatever the exponent`(_ text: String) {
        #expect(number(text).isZero)
        #expect(!number(text).isNegative)
        #expect(number(text).description == "0")
        #expect(amount(text, .usd) == .success("0.00"))
    }

    @Test func `Literals of sixty thousand digits are read exactly and at once`() {
        let zeros = String(repeating: "0", count: 60_000)
        let nines = String(repeating: "9", count: 60_000)
        #expect(number("1" + zeros + "e-60000") == number("1"))
        #expect(number("0." + zeros + "125e60003") == number("125"))
        #expect(number("12.5" + zeros) == number("12.5"))
        #expect(number("1" + zeros + "." + zeros + "e-59998") == number("100"))
        // An exponent counts in full, however long the text that makes up for it.
        #expect(number("1" + String(repeating: "0", count: 2_000_000) + "e-2000000") == number("1"))
        #expect(amountError("1" + zeros) == .outOfRange)
        #expect(amountError(nines) == .outOfRange)
        #expect(amountError("0." + zeros + "1") == .tooPrecise)
        #expect(amountError("0." + nines) == .tooPrecise)
        #expect(amountError("1e" + nines) == .outOfRange)
        #expect(amountError("1e-" + nines) == .tooPrecise)
        #expect(amountError("1e" + zeros + "2") == nil)
        #expect(amountError(zeros) == .notANumber)
        #expect(amountError(nines + "x") == .notANumber)
    }

    @Test(arguments: [
        "1e15", "1e999999999", "-1e999999999", "1e9223372036854775807", "1e9223372036854775808",
        "1e99999999999999999999999999", "1000000000000000", "12345678901234567890", "18446744073709551616",
        "99999999999999999999.99999",
    ])
    func `A number beyond every currency is out of range`(_ text: String) {
        #expect(amountError(text) == .outOfRange)
    }

    @Test(arguments: [
        "0.00001", "1e-5", "1e-999999999", "-1e-999999999", "1e-9223372036854775808", "1e-99999999999999999999999",
        "1.00001", "999999999999999.00001", "0.123456789012345678901234567890",
    ])
    func `A number finer than every currency is too precise`(_ text: String) {
        #expect(amountError(text) == .tooPrecise)
    }

    @Test(arguments: bounds)
    func `The largest amount is taken in every currency, and not one unit more`(
        _ bound: (currency: Currency, largest: String, beyond: String, sum: String)
    ) {
        #expect(amount(bound.largest, bound.currency) == .success(bound.largest))
        #expect(amount("-" + bound.largest, bound.currency) == .success("-" + bound.largest))
        #expect(amount("999999999999999e-\(bound.currency.fractionDigits)", bound.currency) == .success(bound.largest))
        #expect(amount(bound.beyond, bound.currency) == .failure(.outOfRange))
        #expect(amount("-" + bound.beyond, bound.currency) == .failure(.outOfRange))
        #expect(amount("1e\(15 - bound.currency.fractionDigits)", bound.currency) == .failure(.outOfRange))
    }

    @Test func `More digits than the currency has are refused unless they are zeros`() {
        let cases: [(String, Currency, Result<String, AmountError>)] = [
            ("1.0", currencies[0], .success("1")), ("1.5", currencies[0], .failure(.tooPrecise)),
            ("15e-1", currencies[0], .failure(.tooPrecise)), ("1.10", currencies[1], .success("1.10")),
            ("1.100", currencies[1], .success("1.10")), ("1.101", currencies[1], .failure(.tooPrecise)),
            ("0.001", currencies[1], .failure(.tooPrecise)), ("0.001", currencies[2], .success("0.001")),
            ("0.0010", currencies[2], .success("0.001")), ("0.0011", currencies[2], .failure(.tooPrecise)),
            ("0.0011", currencies[3], .success("0.0011")), ("1e-4", currencies[3], .success("0.0001")),
            // The whole of it fits, the fraction does not; and where neither does, the range is named.
            ("9999999999999.999", currencies[1], .failure(.tooPrecise)),
            ("10000000000000.001", currencies[1], .failure(.outOfRange)),
        ]
        for (text, currency, expected) in cases { #expect(amount(text, currency) == expected, "\(text) \(currency)") }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `Any amount, written in any way, is that amount`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let currency = currencies.randomElement(using: &generator)!
            let bound = (0..<Int.random(in: 1...15, using: &generator)).reduce(Int64(1)) { bound, _ in bound * 10 } - 1
            let units = Int64.random(in: -bound...bound, using: &generator)
            let digits = "\(units.magnitude)"
            let zeros = Int.random(in: 0...30, using: &generator)
            let point = Int.random(in: 0...digits.utf8.count, using: &generator)
            // The digits with the point anywhere, more zeros after them, and the exponent that makes up for both.
            var text = units < 0 ? "-" : ""
            text += point == 0 ? "0" : digits.prefix(point)
            let fraction = digits.dropFirst(point) + String(repeating: "0", count: zeros)
            if !fraction.isEmpty { text += "." + fraction }
            text += "e\(digits.utf8.count - point - currency.fractionDigits)"
            let money = try #require(Money(minorUnits: units, fractionDigits: currency.fractionDigits))
            #expect(try number(text).money(in: currency) == money, "\(text)")
            #expect(number(text) == DecimalNumber(money))
            #expect(number(number(text).description) == number(text))
            #expect(number(money.description) == number(text))
        }
    }

    @Test(arguments: [
        "0", "1", "-1", "0.1", "0.05", "0.0001", "-12.5", "100", "999999999999999", "999999999999999.9999",
    ])
    func `The description is the shortest plain form`(_ text: String) {
        #expect(number(text).description == text)
    }

    @Test func `A whole number is bounded too`() {
        #expect(DecimalNumber(999_999_999_999_999)?.description == "999999999999999")
        #expect(DecimalNumber(1_000_000_000_000_000) == nil)
        #expect(DecimalNumber(.min) == nil)
    }
}
