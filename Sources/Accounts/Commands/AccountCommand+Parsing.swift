public import JSON

extension AccountCommand {
    /// Reads a command from a request's body: an object whose `type` names the command, with the command's fields and
    /// no others, each once. See the HTTP contract.
    ///
    /// - Parameters:
    ///   - body: JSON in UTF-8.
    ///   - others: is shown the members that are no fields of commands, as `account` is none where many commands are sent
    ///     at once, and tells whether they may stand there. What it does not read is skipped. It must itself refuse what
    ///     comes twice.
    /// - Throws: ``CommandParsingError``, with all problems that were found.
    public static func parse(
        _ body: [UInt8],
        besides others: (_ name: String, inout JSONReader) throws(JSONError) -> Bool = { _, _ in false }
    ) throws(CommandParsingError) -> AccountCommand {
        var fields = CommandFields()
        do throws(JSONError) {
            try fields.read(body, besides: others)
        } catch {
            throw failure(in: body, error)
        }
        let command = fields.readCommand()
        if let error = fields.problems.error { throw error }
        guard let command else { throw .invalidCommand([]) }
        return command
    }

    /// What is wrong with a body that could not be read as an object.
    private static func failure(in body: [UInt8], _ error: JSONError) -> CommandParsingError {
        do throws(JSONError) {
            // First of all whether it is JSON; only here, so that what is right is looked at once.
            try JSONReader.validate(body)
            var reader = JSONReader(body)
            let kind = try reader.peekKind()
            guard kind == .object else {
                return .invalidCommand([FieldError(pointer: "", detail: "expected an object, found \(kind)")])
            }
        } catch {
            return .malformedJSON(detail: error.description)
        }
        return .malformedJSON(detail: error.description)
    }
}
