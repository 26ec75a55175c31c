/// Statements that were sent together, and how far their answer has come.
struct Exchange {
    /// What comes next in the answer.
    enum Step {
        /// Whether a statement was prepared.
        case preparation(Int)
        case endOfPreparation(Int)
        case result(Int)
        case endOfResult(Int)
        /// The end of the whole answer.
        case end
    }

    /// A statement that was sent.
    struct Sent {
        let text: String
        let columns: [ServerType]
        /// Whether it was sent to be prepared first.
        let isNew: Bool
    }

    /// By which its outcome is asked for.
    let number: UInt64
    let statements: [Sent]
    var step: Step
    var rows: [Rows] = []
    /// The first that a statement met.
    var failure: ConnectionFailure?

    init(number: UInt64, _ statements: [Sent]) {
        self.number = number
        self.statements = statements
        step = Self.first(of: 0, in: statements)
    }

    /// Goes on after the end of a statement's results.
    mutating func finish(_ index: Int) { step = Self.first(of: index + 1, in: statements) }

    private static func first(of index: Int, in statements: [Sent]) -> Step {
        guard index < statements.count else { return .end }
        return statements[index].isNew ? .preparation(index) : .result(index)
    }
}
