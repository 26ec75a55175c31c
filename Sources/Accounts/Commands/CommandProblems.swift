internal import JSON

/// What is wrong with a body.
struct CommandProblems {
    private var found: [FieldError] = []
    private var areOutOfRange = true

    mutating func add(_ field: CommandField, _ detail: String, isOutOfRange: Bool = false) {
        add(FieldError(pointer: JSONPointer.member(field.name), detail: detail), isOutOfRange: isOutOfRange)
    }

    mutating func add(_ problem: FieldError, isOutOfRange: Bool = false) {
        areOutOfRange = areOutOfRange && isOutOfRange
        if found.count < CommandParsingError.maxProblems { found.append(problem) }
    }

    /// The error that they are; nil where there are none.
    var error: CommandParsingError? {
        guard let first = found.first else { return nil }
        // If several amounts are out of range, and nothing is worse, the first is enough.
        return areOutOfRange ? .amountOutOfRange(first) : .invalidCommand(found)
    }
}
