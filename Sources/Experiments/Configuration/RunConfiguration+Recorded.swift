import RunData
import Yams

extension RunConfiguration {
  /// What a recorded run says of a file: its name, or its digest. Where the file is, the run cannot say.
  package static let recordedFiles = Set(
    ["corpus", "validation", Settings.validationDigest, "from-checkpoint", Settings.evaluationDigest]
      + EvaluationSettings.keys.map(\.name))

  /// The configuration that a recorded run was made with, but for the files that it read.
  /// - Throws: ``ExperimentError`` where it was recorded by another program, or says what there is not.
  public init(recorded manifest: RunManifest) throws {
    let text = ConfigText(manifest.configurationJSON, name: "the configuration of run \(manifest.runID)")
    let reader = SettingReader(owner: "train", known: Self.keys.map(\.info))
    let settings = try text.mapping().compactMap { key, value -> Setting? in
      guard !Self.recordedFiles.contains(key.string ?? "") else { return nil }
      return try reader.setting(key, value, at: text.place(line: nil)).setting
    }
    try self.init(settings)
  }
}
