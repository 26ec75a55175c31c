internal import JSON

/// Whether the bytes of an event are the JSON that the log promises to its readers.
package enum EventValidation {
    /// What is wrong with `bytes` as JSON in UTF-8, or where `requireObject` is set, as a JSON object; nil where they
    /// are in order.
    package static func problem(in bytes: [UInt8], requireObject: Bool) -> String? {
        do {
            try JSONReader.validate(bytes, requireObject: requireObject)
            return nil
        } catch {
            return error.description
        }
    }
}
