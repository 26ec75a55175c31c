internal import EventSourcing

extension StreamID {
    /// The stream of a text such as `account/acc-001`; nil if it is none.
    init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/") else { return nil }
        self.init(category: String(text[..<slash]), name: String(text[text.index(after: slash)...]))
    }
}
