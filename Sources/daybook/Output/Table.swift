/// Rows under headings, columns aligned.
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
            rows.reduce(headings[column].title.count) { max($0, $1[column].text.count) }
        }
        func line(_ cells: [(text: String, colour: Terminal.Colour?)]) -> String {
            let parts = cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.text.count)
                let text = cell.colour.map { Terminal.coloured(cell.text, $0) } ?? cell.text
                if headings[column].alignment == .right { return space + text }
                return column == cells.count - 1 ? text : text + space
            }
            return parts.joined(separator: "  ")
        }
        Terminal.line(line(headings.map { ($0.title, .faint) }))
        for row in rows { Terminal.line(line(row)) }
    }
}
