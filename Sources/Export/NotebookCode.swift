import Analysis
import Charts
import Text

/// The Python of a notebook: every number and figure again from the run files, with h5py and NumPy alone; figures with
/// matplotlib.
struct NotebookCode {
  /// Run files by their group's label, relative to the notebook.
  let groups: [(label: String, paths: [String])]
  /// Labels of groups that the mismatch leaves out.
  let unmeasured: [String]
  let operation: String
  let window: StepWindow

  /// Names and functions that the other cells use.
  var setup: String {
    let entries = groups.map { group in
      "    \(JSONText.string(group.label)): [\(group.paths.map(JSONText.string).joined(separator: ", "))],\n"
    }
    return """
      import h5py
      import numpy as np

      # Run files relative to this notebook; those of one group differ in their seed alone.
      GROUPS = {
      \(entries.joined())}
      # Groups that have not recorded the operation, or no step of the window.
      NOT_MEASURED = [\(unmeasured.map(JSONText.string).joined(separator: ", "))]
      OPERATION = \(JSONText.string(operation))
      WINDOW = \(Self.tuple(window))  # from the first step up to, not including, the second


      def open_run(path):
          \"\"\"A file that still grows, or that a killed writer left, opens in SWMR mode only.\"\"\"
          try:
              return h5py.File(path, "r")
          except OSError:
              return h5py.File(path, "r", swmr=True)


      def texts(file, name):
          return list(file[name].asstr()[...])


      def finished_steps(file):
          \"\"\"Steps are written last: a row whose step is there is finished.\"\"\"
          steps = file["step"][...]
          return steps[: np.argmax(steps < 0)] if (steps < 0).any() else steps


      def is_measured(file):
          \"\"\"(layer, tensor): whether a layer has the tensor, and its gradient is not zero by construction.\"\"\"
          return (file["gradient_count"][...] > 0) & (file["gradient_zero_by_construction"][...] == 0)


      def gradient_l1(file, operation):
          \"\"\"Σ|g| of an operation, (step, layer); not a number in a layer without it.\"\"\"
          tensor = texts(file, "tensor").index(operation)
          values = file["gradient_l1"][: len(finished_steps(file)), :, tensor]
          return np.where(file["gradient_count"][:, tensor] > 0, values, np.nan)


      def inside(steps, window):
          return np.flatnonzero((steps >= window[0]) & (steps < window[1]))
      """
  }

  /// The mismatch of each group, as `results`.
  let mismatch = """
    def mismatch(paths, window=WINDOW):
        \"\"\"early/late, spread and slope of the means over the window; of several seeds, of their geometric means.\"\"\"
        logarithms = []
        for path in paths:
            with open_run(path) as file:
                rows = inside(finished_steps(file), window)
                means = gradient_l1(file, OPERATION)[rows].mean(axis=0)
                measured = is_measured(file)[:, texts(file, "tensor").index(OPERATION)]
            with np.errstate(divide="ignore"):
                logarithms.append(np.log10(means))
        log_m = np.mean(logarithms, axis=0)
        layers = np.flatnonzero(measured)
        depth = layers / max(1, len(log_m) - 1)
        m = log_m[layers]
        return {
            "layers": layers, "means": 10**m, "early_late": 10 ** (m[0] - m[-1]), "spread": 10 ** (m.max() - m.min()),
            "slope": np.polyfit(depth, m, 1)[0] if len(m) > 1 and np.isfinite(m).all() else np.nan,
        }


    results = {label: mismatch(paths) for label, paths in GROUPS.items() if label not in NOT_MEASURED}
    for label, result in results.items():
        print(f"{label}: early/late {result['early_late']:.3g}, spread {result['spread']:.3g}, slope {result['slope']:.2f}")
    """

  /// Gradients over the steps, a panel a group.
  var gradientFigure: String {
    let colors = Color.sequence(5).map { JSONText.string($0.hexadecimal) }.joined(separator: ", ")
    return """
      import matplotlib.pyplot as plt

      COLORS = [\(colors)]  # Okabe and Ito's, from dark to light


      def shown_layers(count):
          return sorted({layer for layer in (0, 1, count // 2, count - 2, count - 1) if 0 <= layer < count})


      figure, axes = plt.subplots(
          1, len(GROUPS), figsize=(max(4, 3 * len(GROUPS)), 3), sharex=True, sharey=True, squeeze=False, layout="constrained"
      )
      for axis, (label, paths) in zip(axes[0], GROUPS.items()):
          axis.set(title=label, xlabel="step", yscale="log")
          for path in paths if label not in NOT_MEASURED else []:
              with open_run(path) as file:
                  steps, values = finished_steps(file), gradient_l1(file, OPERATION)
              for color, layer in zip(COLORS, shown_layers(values.shape[1])):
                  name = f"layer {layer}" if path == paths[0] else None
                  axis.plot(steps, values[:, layer], color=color, linewidth=0.8, label=name)
              if path == paths[0]:
                  axis.axvspan(WINDOW[0], min(WINDOW[1] - 1, steps[-1]), color="#eeeeee", zorder=0)
      axes[0, 0].set_ylabel(f"L1 norm of the {OPERATION} gradient")
      axes[0, -1].legend(frameon=False, fontsize="small")
      plt.show()
      """
  }

  /// Losses over the steps.
  var lossFigure: String {
    let colors = Color.okabeIto.map { JSONText.string($0.hexadecimal) }.joined(separator: ", ")
    return """
      figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
      floors = {"unigram_entropy": set(), "entropy_rate": set()}
      for color, (label, paths) in zip([\(colors)], GROUPS.items()):
          for path in paths:
              with open_run(path) as file:
                  steps = finished_steps(file)
                  axis.plot(steps, file["loss"][: len(steps)], color=color, linewidth=0.8, label=label if path == paths[0] else None)
                  if "validation_loss" in file:
                      axis.plot(file["validation_step"][...], file["validation_loss"][...], "D", color=color, mfc="white", ms=4)
                  for name, values in floors.items():
                      values.add(file.attrs.get(name, np.nan))
      for (name, values), style in zip(floors.items(), ["--", ":"]):
          if len(values) == 1 and np.isfinite(list(values)).all():  # the same for all runs
              axis.axhline(values.pop(), color="#555555", linestyle=style, linewidth=0.7, label=name.replace("_", " "))
      axis.set(xlabel="step", ylabel="loss (diamonds: held-out text)")
      axis.legend(frameon=False, fontsize="small")
      plt.show()
      """
  }

  /// The ratio of each operation's gradient to the base's, as `ratio[operation]` by layer.
  func ratioFigure(base: String, other: String, window: StepWindow) -> String {
    """
    def log_ratio(base, other, window):
        \"\"\"log10 of the ratio of two runs' means over the steps that both have: (operation, layer) and the operations.\"\"\"
        with open_run(base) as one, open_run(other) as two:
            steps, names, means = [], [], []
            for file in (one, two):
                every = finished_steps(file)
                steps.append(every[inside(every, window)])
                names.append(texts(file, "tensor"))
            shared = np.intersect1d(*steps)
            for file in (one, two):
                rows = np.flatnonzero(np.isin(finished_steps(file), shared))
                values = file["gradient_l1"][rows[0] : rows[-1] + 1][rows - rows[0]].mean(axis=0)
                means.append(np.where(is_measured(file), values, np.nan))
        operations = [name for name in names[0] if name in names[1]]
        columns = [[own.index(name) for name in operations] for own in names]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(means[1][:, columns[1]] / means[0][:, columns[0]]).T, operations


    def seed_of(path):
        with open_run(path) as file:
            return file.attrs["seed"]


    base, other = \(JSONText.string(base)), \(JSONText.string(other))
    seeds = {seed_of(path): path for path in GROUPS[other]}
    pairs = [(path, seeds[seed_of(path)]) for path in GROUPS[base] if seed_of(path) in seeds]
    pairs = pairs or [(GROUPS[base][0], GROUPS[other][0])]
    every = [log_ratio(one, two, \(Self.tuple(window))) for one, two in pairs]
    operations = every[0][1]
    log10_ratio = np.mean([values for values, _ in every], axis=0)
    is_shown = ~np.isnan(log10_ratio).all(axis=1)
    operations = [name for name, shown in zip(operations, is_shown) if shown]
    log10_ratio = log10_ratio[is_shown]
    ratio = dict(zip(operations, 10**log10_ratio))

    largest = np.nanmax(np.abs(log10_ratio[np.isfinite(log10_ratio)]), initial=0.01)
    figure, axis = plt.subplots(figsize=(6, 0.22 * len(operations) + 1), layout="constrained")
    image = axis.imshow(log10_ratio, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
    axis.set(xlabel="layer", yticks=range(len(operations)), yticklabels=operations, title=f"{other} over {base}")
    figure.colorbar(image, label="log10 of the ratio of L1 norms")
    plt.show()
    """
  }

  /// Boxes of the learned scales by layer, from the last snapshot.
  /// - Parameter scales: names of variables.
  func scaleFigure(_ scales: [String]) -> String {
    """
    SCALES = [\(scales.map(JSONText.string).joined(separator: ", "))]

    for label, paths in GROUPS.items():
        for path in paths:
            with open_run(path) as file:
                names = [name for name in SCALES if name in file and len(file["snapshot"])]
                snapshots = {name: file[name][-1] for name in names}  # (layer, element)
            if not names:
                continue
            figure, axes = plt.subplots(1, len(names), figsize=(2.6 * len(names), 2.6), squeeze=False, layout="constrained")
            figure.suptitle(f"{label}: {path}", fontsize="small")
            for axis, name in zip(axes[0], names):
                values = [layer[np.isfinite(layer)] for layer in snapshots[name]]
                layers = [layer for layer, own in enumerate(values) if len(own)]
                axis.boxplot([values[layer] for layer in layers], positions=layers, sym=".", manage_ticks=False)
                axis.axhline(1, color="#555555", linestyle="--", linewidth=0.7)
                axis.set(title=name, xlabel="layer")
            plt.show()
    """
  }

  /// The same with the package.
  let package = """
    try:
        import nf_probe
    except ImportError:
        print("The package nf_probe is not installed; the cells above do not need it.")
    else:
        for label, paths in GROUPS.items():
            for path in paths if label not in NOT_MEASURED else []:
                with nf_probe.open(path) as run:
                    print(label, run.mismatch(OPERATION, window=WINDOW))
    """

  private static func tuple(_ window: StepWindow) -> String {
    "(\(window.lower), \(window.upper.map(String.init) ?? "float(\"inf\")"))"
  }
}
