/// What of swift-http-types the fuzzed files name.
public struct HTTPResponse {
    /// A status code.
    public struct Status: Hashable, Sendable {
        /// Three digits.
        public let code: Int

        /// A status from its code.
        public init(code: Int) {
            // As strict as the original.
            precondition((0...999).contains(code), "a status code has three digits")
            self.code = code
        }
    }
}
