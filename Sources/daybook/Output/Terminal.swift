internal import Glibc
internal import ServiceSupport

/// What is written to the person or the program that reads.
enum Terminal {
    /// Whether a person reads standard output: then it is aligned and coloured.
    static let isPerson = isatty(STDOUT_FILENO) == 1
    /// Whether a person sees standard error: then progress is shown there.
    static let showsProgress = isatty(STDERR_FILENO) == 1

    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case faint = "2"
        case bold = "1"
    }

    /// The number of columns of the terminal that shows progress.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Text of others in a colour, where a person reads it and does not object (no-color.org).
    static func coloured(_ text: String, _ colour: Colour?) -> PrintableText {
        guard let colour, isPerson, getenv("NO_COLOR") == nil else { return PrintableText(text) }
        return PrintableText(verbatim: "\u{1B}[\(colour.rawValue)m") + PrintableText(text)
            + PrintableText(verbatim: "\u{1B}[0m")
    }

    /// Writes a line to standard output.
    static func line(_ text: PrintableText) { write(Array("\(text.description)\n".utf8)) }

    /// Lets a write fail where the reader is gone, rather than have a signal end the program.
    private static let ignoreBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    /// Writes bytes to standard output: only such as cannot steer a terminal. A reader that has enough, as `head` has, ends
    /// the program without a word.
    static func write(_ bytes: [UInt8]) {
        _ = ignoreBrokenPipes
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { exit(0) }
                tell("daybook: cannot write the output: \(String(cString: strerror(errno)))")
                exit(EX_IOERR)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes a line to standard error.
    static func tell(_ text: PrintableText) {
        let bytes = Array("\(text.description)\n".utf8)
        // Nobody is left to tell where standard error is closed.
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
