internal import EventSourcing

/// The newest lead of a log that was reported to a peer: section 8.4 of the specification.
struct KnownLead: Hashable, Sendable {
    /// The log; nil: none that counts leads was reported.
    private(set) var logID: UniqueID?
    /// The number of the lead; 0: none was reported.
    private(set) var epoch: UInt64 = 0

    /// Whether a message with this epoch is to be believed: not if a later lead was reported. 0: the log counts none.
    func believes(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        epoch == 0 || logID != self.logID || epoch >= self.epoch
    }

    /// Whether this is the newest lead that was reported.
    func isLatest(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        epoch > 0 && logID == self.logID && epoch == self.epoch
    }

    /// Takes in the epoch of what is believed.
    ///
    /// - Returns: whether another lead has begun since the one that was known.
    mutating func learn(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        guard epoch > 0, logID != self.logID || epoch > self.epoch else { return false }
        let isLater = logID == self.logID
        self.logID = logID
        self.epoch = epoch
        return isLater
    }
}
