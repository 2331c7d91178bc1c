import Architecture
import Charts
import Documents

extension RunReport {
  /// What was trained, as pictures: each wiring once.
  var wiringSection: Document.Section {
    Document.Section("wiring", "Wiring", wiringBlocks)
  }

  private var wiringBlocks: [Document.Block] {
    var subjects: [WiringDrawing.Subject] = []
    var labels: [String] = []
    for (label, group) in allGroups {
      guard let subject = group.manifest.wiring else { continue }
      let isKnown = subjects.contains {
        $0.layerCount == subject.layerCount && $0.architecture.sameWiring(as: subject.architecture)
      }
      if !isKnown {
        subjects.append(subject)
        labels.append(label)
      }
    }
    guard !subjects.isEmpty else {
      return [.absence("no run states how its layers are wired: models of other programs do not.")]
    }
    let (program, command) = origin
    let drawing = WiringDrawing(subjects, program: program, command: command).drawing
    return [
      .figure(
        Document.FigurePart(
          "wiring", drawing,
          caption:
            "Where norms and scales stand: the stream goes up, branches leave it and are added to it again; below each word the"
            + " tensors' name within the layer."))
    ]
  }
}
