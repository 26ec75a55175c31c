internal import JSON

/// Events as lines of fixed columns, so that they can be written one by one as they come.
enum EventLines {
    static func line(_ event: JSONValue) -> String {
        func text(_ name: String) -> String { event[name]?.text ?? "" }
        func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
            let space = String(repeating: " ", count: max(0, width - text.count))
            return right ? space + text : text + space
        }
        let amount = event["amount"] ?? event["initial_balance"]
        let colour: Terminal.Colour? =
            switch text("type") {
            case "MoneyDeposited": .green
            case "MoneyWithdrawn": .red
            default: .bold
            }
        let type = padded(text("type"), 14)
        let parts = [
            Terminal.coloured(padded(text("position"), 9, right: true), .faint),
            Terminal.coloured(text("time"), .faint), colour.map { Terminal.coloured(type, $0) } ?? type,
            padded(amount?.text ?? "", 16, right: true),
            padded(text("account").isEmpty ? text("stream") : text("account"), 12),
            Terminal.coloured("v" + text("version"), .faint), text("owner"),
        ]
        var line = parts.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }
}
