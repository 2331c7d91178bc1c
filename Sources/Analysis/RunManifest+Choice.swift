import RunData

extension RunManifest {
  /// The parameters that the recorder was told to leave out, in its own words; nil where all are recorded.
  public var leftOut: String? { ConfigurationKeys(json: configurationJSON).values["left-out"] }
}
