/// What the catalog of a server says of the schema `daybook` if it is as ``SchemaTables`` makes it.
///
/// Found by reading the very statements that make it, so that there is one place to change. Their form is what they are written
/// in there: a column a line.
enum SchemaModel {
    /// An object of a schema, or a part of one.
    struct Entry: Hashable {
        /// `table`, `column`, `index` and so on.
        let kind: String
        /// Its name; of a column and a constraint with that of the table before it.
        let name: String
        /// All else that Daybook's work depends on.
        let definition: String
    }

    /// The names that the catalog has for types that are written otherwise.
    private static let typeNames = ["timestamptz": "timestamp with time zone"]

    /// The entries of a version.
    static func entries(ofVersion version: Int) -> Set<Entry> {
        var entries: Set<Entry> = []
        var columns: [Substring: Int] = [:]
        for statement in SchemaTables.migrations[..<version].joined() {
            let words = statement.split(maxSplits: 4, whereSeparator: \.isWhitespace)
            guard words.count > 3 else { continue }
            let table = words[2].drop { $0 != "." }.dropFirst()
            switch (words[0], words[1]) {
            case ("CREATE", "TABLE"):
                entries.insert(Entry(kind: "table", name: String(table), definition: "p"))
                for line in body(of: statement) { add(line, of: table, &columns[table, default: 0], to: &entries) }
            case ("ALTER", "TABLE"):
                for line in statement.split(separator: "ADD COLUMN ").dropFirst() {
                    add(trimmed(line), of: table, &columns[table, default: 0], to: &entries)
                }
            case ("CREATE", "INDEX"): entries.insert(index(words[2], statement))
            case ("CREATE", "FUNCTION"): entries.insert(function(statement))
            case ("CREATE", "VIEW"): entries.insert(Entry(kind: "view", name: String(table), definition: ""))
            default: continue
            }
        }
        return entries
    }

    /// The lines between a statement's outer parentheses, without their commas.
    private static func body(of statement: String) -> [Substring] {
        statement.split(whereSeparator: \.isNewline).dropFirst().map(trimmed).filter { !$0.hasPrefix(")") }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: \.isWhitespace)
        while let last = text.last, last.isWhitespace || last == "," { text.removeLast() }
        return text
    }

    private static func add(_ line: Substring, of table: Substring, _ number: inout Int, to entries: inout Set<Entry>) {
        if line.hasPrefix("PRIMARY KEY (") {
            addPrimaryKey(String(line.dropFirst("PRIMARY KEY (".count).dropLast()), of: table, to: &entries)
            return
        }
        let words = line.split(maxSplits: 2, whereSeparator: \.isWhitespace)
        guard words.count > 1 else { return }
        let (name, type) = (String(words[0]), String(words[1]))
        let rest = words.count > 2 ? words[2] : ""
        number += 1
        let isKey = rest.contains("PRIMARY KEY")
        let isRequired = isKey || rest.contains("NOT NULL")
        entries.insert(
            Entry(
                kind: "column", name: "\(table).\(name)",
                definition: "\(number) \(typeNames[type] ?? type)\(isRequired ? " NOT NULL" : "")"
                    + (rest.contains("DEFAULT") ? " DEFAULT" : "")))
        if isKey { addPrimaryKey(name, of: table, to: &entries) }
        if let check = rest.firstRange(of: "CHECK ") {
            entries.insert(
                Entry(
                    kind: "constraint", name: "\(table).\(table)_\(name)_check",
                    definition: "c (\(name)) \(rest[check.upperBound...])"))
        }
    }

    private static func addPrimaryKey(_ columns: String, of table: Substring, to entries: inout Set<Entry>) {
        entries.insert(Entry(kind: "constraint", name: "\(table).\(table)_pkey", definition: "p (\(columns)) "))
        entries.insert(Entry(kind: "index", name: "\(table)_pkey", definition: "\(table) (\(columns)) unique"))
    }

    /// `CREATE INDEX name ON daybook.table (columns) WHERE condition`
    private static func index(_ name: Substring, _ statement: String) -> Entry {
        let definition = statement[(statement.firstRange(of: "daybook.")?.upperBound ?? statement.startIndex)...]
        let parts = definition.split(separator: " WHERE ")
        let condition = parts.count > 1 ? " (\(trimmed(parts[1])))" : ""
        return Entry(kind: "index", name: String(name), definition: "\(trimmed(parts[0]))\(condition)")
    }

    /// `CREATE FUNCTION daybook.name(types) … LANGUAGE language AS $$ … $$`
    private static func function(_ statement: String) -> Entry {
        let parts = statement.split(separator: "$$")
        let head = parts[0]
        let signature = head[(head.firstRange(of: "daybook.")?.upperBound ?? head.startIndex)...].prefix { $0 != ")" }
        let language = head.split(separator: "LANGUAGE ").last.map { $0.prefix { !$0.isWhitespace } } ?? ""
        return Entry(
            kind: "function", name: "\(signature))", definition: "\(language)\(parts.count > 1 ? parts[1] : "")")
    }
}
