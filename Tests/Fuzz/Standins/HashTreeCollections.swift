/// Stands in for the persistent dictionary of swift-collections: one that is copied as a whole does the same.
public typealias TreeDictionary = Dictionary
