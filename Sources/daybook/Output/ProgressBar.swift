internal import Glibc

/// A bar on standard error, where a person sees it: how much of how much is done, and how fast.
struct ProgressBar {
    private static let width = 30
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

    /// So many units a second since the beginning.
    var rate: UInt64 {
        let seconds = (ContinuousClock.now - begun) / .seconds(1)
        return .whole(Double(done) / seconds)
    }

    mutating func show(_ done: UInt64, of all: UInt64) {
        self.done = done
        guard Terminal.showsProgress else { return }
        let now = ContinuousClock.now
        if let drawn, now - drawn < Self.interval, done < all { return }
        drawn = now
        // Both may come from a service: they may be any numbers.
        let filled = done >= all ? Self.width : Int(Double(done) / Double(all) * Double(Self.width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        put("\r\(title) \(bar) \(done)/\(all) \(unit), \(rate)/s\u{1B}[K")
    }

    /// Takes the bar away.
    mutating func finish() {
        if drawn != nil { put("\r\u{1B}[K") }
        drawn = nil
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        // A bar that cannot be drawn is no loss.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension UInt64 {
    /// The whole part of a figure to show, whatever the figure is; 0 for what is no number.
    static func whole(_ figure: Double) -> UInt64 {
        // 2^63 and everything below it converts.
        figure > 0 ? UInt64(Swift.min(figure, 0x1p63)) : 0
    }
}
