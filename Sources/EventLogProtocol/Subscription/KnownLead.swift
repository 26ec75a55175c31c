internal import EventSourcing

/// The newest lead of a log that a peer was told of: section 8.4 of the specification.
struct KnownLead: Hashable, Sendable {
    /// The log; nil: none that counts leads was met.
    private(set) var logID: UniqueID?
    /// Which lead it is; 0: none was told of.
    private(set) var epoch: UInt64 = 0

    /// Whether what a log says that tells this epoch is to be believed: not if a later lead was told of. 0: it counts none.
    func believes(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        epoch == 0 || logID != self.logID || epoch >= self.epoch
    }

    /// Whether this is the newest lead that was told of.
    func isLatest(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        epoch > 0 && logID == self.logID && epoch == self.epoch
    }

    /// Takes in the epoch of what is believed.
    ///
    /// - Returns: whether another lead has begun since an earlier one that was told of.
    mutating func learn(_ epoch: UInt64, of logID: UniqueID) -> Bool {
        guard epoch > 0, logID != self.logID || epoch > self.epoch else { return false }
        let isLater = logID == self.logID
        self.logID = logID
        self.epoch = epoch
        return isLater
    }
}
