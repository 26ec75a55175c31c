/// How many requests a second are answered: `200/s`, from 1 to 1,000,000.
public struct Rate: Hashable, Sendable, CustomStringConvertible {
    /// The highest rate.
    public static let max = 1_000_000

    /// Requests a second.
    public let perSecond: Int

    /// A rate; nil if it is not from 1 to ``max``.
    public init?(perSecond: Int) {
        guard (1...Self.max).contains(perSecond) else { return nil }
        self.perSecond = perSecond
    }

    /// Reads a rate such as `200/s`.
    public init?(_ text: some StringProtocol) {
        let digits = text.utf8.dropLast(2)
        guard text.hasSuffix("/s"), (1...7).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int(text.dropLast(2))
        else { return nil }
        self.init(perSecond: count)
    }

    /// The text that is read as it.
    public var description: String { "\(perSecond)/s" }
}
