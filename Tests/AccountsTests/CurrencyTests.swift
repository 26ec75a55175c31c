import Accounts
import Testing

@Suite struct CurrencyTests {
    @Test(arguments: [
        ("USD", 2), ("EUR", 2), ("GBP", 2), ("CHF", 2), ("MGA", 2), ("MRU", 2), ("UYU", 2), ("HUF", 2), ("CLP", 0),
        ("JPY", 0), ("KRW", 0), ("ISK", 0), ("VND", 0), ("XAF", 0), ("XOF", 0), ("XPF", 0), ("UYI", 0), ("BHD", 3),
        ("IQD", 3), ("JOD", 3), ("KWD", 3), ("LYD", 3), ("OMR", 3), ("TND", 3), ("CLF", 4), ("UYW", 4),
    ])
    func `A code has the digits that ISO 4217 gives it`(_ code: String, _ digits: Int) throws {
        let currency = try #require(Currency(code))
        #expect(currency.fractionDigits == digits)
        #expect(currency.code == code)
        #expect(currency.description == code)
    }

    @Test(arguments: [
        "", "U", "US", "USDD", "usd", "Usd", "US ", " USD", "USD ", "XAU", "XAG", "XDR", "XXX", "XTS", "ZZZ", "DEM",
        "U\u{0}D", "€", "ÜSD",
    ])
    func `Anything else is no currency`(_ code: String) {
        #expect(Currency(code) == nil)
    }

    @Test func `The Kelvin sign is no K, though Swift calls them equal`() {
        #expect("\u{212A}WD" == "KWD")
        #expect(Currency("\u{212A}WD") == nil)
        #expect(Currency("KWD") != nil)
    }

    @Test func `The list holds what is active, and nothing twice`() {
        let letters = (UInt8(ascii: "A")...UInt8(ascii: "Z")).map { Unicode.Scalar($0) }
        var byDigits: [Int: Int] = [:]
        for first in letters {
            for second in letters {
                for third in letters {
                    guard let currency = Currency("\(first)\(second)\(third)") else { continue }
                    byDigits[currency.fractionDigits, default: 0] += 1
                }
            }
        }
        #expect(byDigits == [0: 17, 2: 139, 3: 7, 4: 2])
    }

    @Test func `The dollar is the one that the table has`() {
        #expect(Currency("USD") == .usd)
    }
}
