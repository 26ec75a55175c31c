/// The fractional digits of the currencies of ISO 4217, list one, as it stood in 2026.
///
/// Left out are the codes whose minor unit is "N.A.": metals, drawing rights, test codes. A currency that ISO withdraws
/// stays in the table all the same, for accounts in it are on record, and must be read, for ever.
enum CurrencyTable {
    /// Codes by their number of fractional digits.
    static let codes: [(digits: Int, codes: String)] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
            CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
            HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
            MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
            RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
            USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
            """
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ]

    /// The fractional digits of a code; nil for one that is not in the table.
    static func fractionDigits(of code: String) -> Int? {
        key(of: code).flatMap { digits[$0] }
    }

    private static let digits: [UInt32: Int] = {
        var digits: [UInt32: Int] = [:]
        for row in codes {
            for code in row.codes.split(whereSeparator: \.isWhitespace) {
                if let key = key(of: code) { digits[key] = row.digits }
            }
        }
        return digits
    }()

    /// Three bytes in one word. Bytes and not strings are compared, as Swift holds the Kelvin sign to be equal to a K.
    private static func key(of code: some StringProtocol) -> UInt32? {
        guard code.utf8.count == 3 else { return nil }
        return code.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }
}
