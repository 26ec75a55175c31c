internal import ServiceSupport

/// CSV for programs, which people look at too.
enum CSVOutput {
    /// The same CSV with the characters escaped that could steer a terminal; its own ends of lines (CR LF) stay, and so do line
    /// feeds in quoted fields.
    static func printable(_ csv: [UInt8]) -> [UInt8] {
        let scalars = Array(String(decoding: csv, as: UTF8.self).unicodeScalars)
        var printable = ""
        for (index, scalar) in scalars.enumerated() {
            let endsLine = scalar == "\n" || (scalar == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n")
            if endsLine || !PrintableText.mustBeEscaped(scalar) {
                printable.unicodeScalars.append(scalar)
            } else {
                printable += PrintableText(String(scalar)).description
            }
        }
        return Array(printable.utf8)
    }
}
