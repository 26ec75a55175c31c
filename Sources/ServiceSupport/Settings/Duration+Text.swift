extension Duration {
    /// A whole number followed by `ms` or `s`, at most a day.
    public init?(settingText text: some StringProtocol) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), number <= 86_400_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(number)
        case "s" where number <= 86_400: self = .seconds(number)
        default: return nil
        }
    }
}
