/// A statement, the values of its parameters and the columns that are expected of it.
///
/// The text is prepared when a connection meets it first. It holds no value from outside: those are parameters.
struct Statement {
    /// SQL, with `$1`, `$2` and so on for the parameters.
    let text: String
    /// The values of the parameters.
    let parameters: [Parameter]
    /// The types of the columns; none of a statement that returns no rows.
    let columns: [ServerType]

    /// A statement from its parts.
    init(_ text: String, _ parameters: [Parameter] = [], returning columns: [ServerType] = []) {
        self.text = text
        self.parameters = parameters
        self.columns = columns
    }
}
