internal import ServiceSupport

/// Rows under headings, columns aligned. What stands in the cells comes from others, and is escaped.
struct Table {
    enum Alignment { case left, right }

    private let headings: [(title: String, alignment: Alignment)]
    private var rows: [[(text: String, colour: Terminal.Colour?)]] = []

    init(_ headings: (String, Alignment)...) {
        self.headings = headings.map { (title: $0.0, alignment: $0.1) }
    }

    mutating func add(_ cells: (String, Terminal.Colour?)...) {
        rows.append(cells.map { (text: $0.0, colour: $0.1) })
    }

    func print() {
        let widths = headings.indices.map { column in
            rows.reduce(headings[column].title.count) { max($0, PrintableText($1[column].text).count) }
        }
        func line(_ cells: [(text: String, colour: Terminal.Colour?)]) -> PrintableText {
            let parts = cells.enumerated().map { column, cell in
                let padding = widths[column] - PrintableText(cell.text).count
                let space = PrintableText(verbatim: String(repeating: " ", count: padding))
                let text = Terminal.coloured(cell.text, cell.colour)
                if headings[column].alignment == .right { return space + text }
                return column == cells.count - 1 ? text : text + space
            }
            return PrintableText(verbatim: parts.map(\.description).joined(separator: "  "))
        }
        Terminal.line(line(headings.map { ($0.title, .faint) }))
        for row in rows { Terminal.line(line(row)) }
    }
}
