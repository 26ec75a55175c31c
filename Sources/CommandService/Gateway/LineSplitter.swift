internal import NIOCore

/// Cuts a body into lines, each bounded, whatever the parts in which it comes.
struct LineSplitter {
    /// A line, or that one was too long and is left out.
    enum Line {
        case whole([UInt8])
        case tooLong

        /// How many there are.
        var bytes: Int {
            if case .whole(let bytes) = self { bytes.count } else { 0 }
        }
    }

    private let longest: Int
    private var rest: [UInt8] = []
    private var isSkipping = false

    /// - Parameter longest: the most bytes of a line.
    init(longest: Int) { self.longest = longest }

    /// The lines that end in a part of the body.
    mutating func add(_ part: ByteBuffer) -> [Line] {
        var lines: [Line] = []
        part.withUnsafeReadableBytes { bytes in
            var start = 0
            for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
                take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                lines.append(finishLine())
                start = end + 1
            }
            take(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
        return lines
    }

    /// The last line, where the body does not end with a line feed.
    mutating func finish() -> Line? {
        rest.isEmpty && !isSkipping ? nil : finishLine()
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard !isSkipping else { return }
        guard rest.count + bytes.count <= longest else {
            isSkipping = true
            rest = []
            return
        }
        rest += bytes
    }

    private mutating func finishLine() -> Line {
        defer {
            rest = []
            isSkipping = false
        }
        if isSkipping { return .tooLong }
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        return .whole(rest)
    }
}
