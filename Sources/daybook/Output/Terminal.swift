internal import Glibc

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

    /// Text in a colour, where a person reads it and does not object (no-color.org).
    static func coloured(_ text: String, _ colour: Colour) -> String {
        guard isPerson, getenv("NO_COLOR") == nil else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    /// Writes a line to standard output.
    static func line(_ text: String) { write(Array(text.utf8) + [UInt8(ascii: "\n")]) }

    /// Lets a write fail where the reader is gone, rather than have a signal end the program.
    private static let ignoreBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    /// Writes bytes to standard output. A reader that has enough, as `head` has, ends the program without a word.
    static func write(_ bytes: [UInt8]) {
        _ = ignoreBrokenPipes
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { exit(0) }
                fail("cannot write the output: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes a line to standard error.
    static func tell(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        // Nobody is left to tell where standard error is closed.
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func fail(_ text: String) -> Never {
        tell("daybook: \(text)")
        exit(1)
    }
}
