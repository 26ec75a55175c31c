/// Writes figures in the text format 0.0.4 of Prometheus: of each name its help, its type and its samples.
enum MetricsText {
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// - Parameter prefix: stands before every name, as `daybook_query_`.
    static func of(_ figures: [Figure], prefix: String) -> String {
        var text = ""
        var told: Set<String> = []
        for figure in figures where told.insert(figure.name).inserted {
            // Counters' names end so, as the format's users expect.
            let name = prefix + figure.name + (figure.kind == .counter ? "_total" : "")
            text += "# HELP \(name) \(figure.help)\n# TYPE \(name) \(figure.kind.rawValue)\n"
            // The samples of a name must stand together.
            for sample in figures where sample.name == figure.name {
                let label = sample.label.map { "{\($0.name)=\"\(escaped($0.value))\"}" } ?? ""
                text += "\(name)\(label) \(sample.value)\n"
            }
        }
        return text
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
