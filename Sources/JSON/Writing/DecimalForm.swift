/// How a decimal is written.
public enum DecimalForm: Hashable, Sendable {
    /// As a number: `1300.00`.
    case number
    /// As a string that holds the same: `"1300.00"`, for readers whose numbers are IEEE doubles.
    case string
}

extension JSONWriter {
    /// A decimal that is text already, such as `1300.00`. It must follow the grammar of JSON numbers; it is not checked.
    public mutating func decimal(_ literal: String, as form: DecimalForm) {
        switch form {
        case .number: rawNumber(literal)
        case .string: string(literal)
        }
    }
}
