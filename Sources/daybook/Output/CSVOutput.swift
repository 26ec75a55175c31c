internal import ServiceSupport

/// CSV for programs, which people look at too.
enum CSVOutput {
    /// The same CSV with the characters escaped that could steer a terminal. Its own ends of lines stay, and so do line feeds in
    /// quoted fields; on a terminal, which needs none, carriage returns are left out.
    static func printable(_ csv: [UInt8]) -> [UInt8] {
        let scalars = Array(String(decoding: csv, as: UTF8.self).unicodeScalars)
        var printable = ""
        for (index, scalar) in scalars.enumerated() {
            let isOfLineEnd = scalar == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if isOfLineEnd, Terminal.isPerson { continue }
            if isOfLineEnd || scalar == "\n" || !PrintableText.mustBeEscaped(scalar) {
                printable.unicodeScalars.append(scalar)
            } else {
                printable += PrintableText(String(scalar)).description
            }
        }
        return Array(printable.utf8)
    }
}
