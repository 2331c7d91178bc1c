import RunData
import Statistics

/// How one scale of a group of runs moved: every snapshot, layer by layer.
struct ScaleDrift: Sendable {
  /// Updates made before each snapshot that all seeds have.
  let steps: [Int]
  /// Numbers of the layers that have the scale.
  let layers: [Int]
  /// The median of each layer, `(source)(layer)(snapshot)`.
  let medians: [[[Double]]]
  /// Mean of |x - 1|, `(source)(layer)(snapshot)`.
  let distances: [[[Double]]]
  /// What the scale would be by weight decay alone, at each snapshot; nil where nobody can tell.
  let decay: [Double]?

  /// Nil for checkpoints.
  init?(of profile: ScaleProfile, in entry: ScaleReport.Entry) {
    let group = entry.group
    guard group.step != nil else { return nil }
    let own = group.sources.map { $0.steps.compactMap { $0 } }
    let shared = own.dropFirst().reduce(Set(own[0])) { $0.intersection($1) }
    steps = own[0].filter(shared.contains)
    let layers = profile.layers.map(\.number)
    self.layers = layers
    let positions = own.map { steps in steps.indices.filter { shared.contains(steps[$0]) } }
    let places = group.layers.indices.filter { layers.contains(group.layers[$0]) }
    var (medians, distances) = ([[[Double]]](), [[[Double]]]())
    for (source, snapshots) in zip(group.sources, positions) {
      // A snapshot at a time, so that only one is taken out of its file's layout.
      let summaries = snapshots.map { snapshot in
        let values = source.values(of: profile.name, snapshot: snapshot)
        return places.map { BoxSummary(of: values[$0] ?? [], near: 0) }
      }
      medians.append(places.indices.map { layer in summaries.map { $0[layer].median } })
      distances.append(places.indices.map { layer in summaries.map { $0[layer].distanceFromOne } })
    }
    self.medians = medians
    self.distances = distances
    let factors = positions[0].map(entry.decay.factor(atSnapshot:))
    let layout = entry.layout(profile.name)
    let values = factors.map { $0.flatMap(layout.value(decayedBy:)) }
    decay = values.contains(nil) ? nil : values.compactMap { $0 }
  }

  /// The mean over seeds of a layer's medians at each snapshot, with intervals from three seeds on.
  func median(layer: Int) -> [Estimate] {
    steps.indices.map { snapshot in Estimate(meanOfSeeds: medians.map { $0[layer][snapshot] }) }
  }
}
