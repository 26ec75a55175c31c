import Testing

@testable import Accounts

@Suite struct CommandFieldTests {
    @Test(arguments: CommandField.allCases) func `every field is found by its name`(field: CommandField) {
        #expect(CommandField(field.name) == field)
        #expect(CommandField(field.name + "s") == nil)
    }

    @Test(arguments: CommandKind.allCases) func `every command is found by its name`(kind: CommandKind) {
        #expect(CommandKind(kind.name) == kind)
    }

    @Test(arguments: [("JPY", "0"), ("USD", "0.00"), ("KWD", "0.000"), ("CLF", "0.0000")])
    func `nothing is written as an amount of the currency`(code: String, text: String) throws {
        let currency = try #require(Currency(code))
        #expect(currency.zeroText == text)
        #expect(currency.zeroText == Money.zero(in: currency).description)
    }
}
