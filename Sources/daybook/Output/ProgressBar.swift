internal import Glibc
internal import ServiceSupport

/// A bar on standard error, where a person sees it: how much of how much is done, and how fast.
struct ProgressBar {
    private static let maxWidth = 30
    /// With less room there is no bar, only figures.
    private static let minWidth = 5
    private static let interval = Duration.milliseconds(100)

    private let title: String
    private let unit: String
    private let begun = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private var done: UInt64 = 0

    init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
    }

    /// The units done a second since the beginning.
    var rate: UInt64 { UInt64.rate(done, in: ContinuousClock.now - begun) }

    mutating func show(_ done: UInt64, of all: UInt64) {
        self.done = done
        guard Terminal.showsProgress else { return }
        let now = ContinuousClock.now
        if let drawn, now - drawn < Self.interval, done < all { return }
        drawn = now
        put("\r\(line(done, of: all))\u{1B}[K")
    }

    /// Takes the bar away.
    mutating func finish() {
        if drawn != nil { put("\r\u{1B}[K") }
        drawn = nil
    }

    /// A line that is shorter than the terminal is wide: a longer one would be wrapped, and stay.
    private func line(_ done: UInt64, of all: UInt64) -> String {
        let columns = Terminal.columns - 1
        let figures = "\(done)/\(all) \(unit), \(rate)/s"
        let width = min(Self.maxWidth, columns - title.count - figures.count - 2)
        guard width >= Self.minWidth else { return String("\(title) \(figures)".prefix(columns)) }
        let part = all == 0 ? 1 : min(1, Double(done) / Double(all))
        let filled = Int(part * Double(width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        return "\(title) \(bar) \(figures)"
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        // A bar that cannot be drawn is no loss.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension UInt64 {
    /// How many of `count` there were a second, whatever the figures: they may come from others.
    static func rate(_ count: UInt64, in time: Duration) -> UInt64 {
        let seconds = time / .seconds(1)
        guard seconds > 0 else { return 0 }
        return UInt64(exactly: (Double(count) / seconds).rounded(.down)) ?? .max
    }
}
