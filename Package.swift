// swift-tools-version:6.3
import PackageDescription

/// Every Swift target: Swift 6, no warnings, unsafe code marked as such.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Targets with inner loops over every token or byte: optimized in debug builds too, or the tests take minutes.
let optimized: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// Kernels are compiled for the processor of the machine that builds, or for `NF_PROBE_MARCH`.
let processor = Context.environment["NF_PROBE_MARCH"] ?? "native"
let vectorized: [SwiftSetting] =
  optimized + [.unsafeFlags(["-Xcc", "-march=\(processor)", "-Xcc", "-mprefer-vector-width=512"])]

/// Tests as they are written, in release builds, too: what they call is optimized, and they are compiled in half the time.
let asWritten: SwiftSetting = .unsafeFlags(["-Onone"], .when(configuration: .release))
let tested: [SwiftSetting] = strict + [asWritten]

/// Elementary functions.
let numerics: Target.Dependency = .product(name: "RealModule", package: "swift-numerics")

let package = Package(
  name: "nf-probe",
  products: [.executable(name: "nf-probe", targets: ["nf-probe"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    // What every part speaks.
    .plugin(name: "WriteBuildInfo", capability: .buildTool()),
    .target(name: "BuildInfo", swiftSettings: strict, plugins: ["WriteBuildInfo"]),
    .target(
      name: "Architecture", dependencies: ["Text", .product(name: "Yams", package: "Yams")],
      resources: [.embedInCode("Presets")], swiftSettings: strict),
    .target(name: "RunData", dependencies: [numerics], swiftSettings: strict),
    .target(name: "Text", swiftSettings: strict),
    .target(name: "Randomness", dependencies: [numerics], swiftSettings: optimized),
    .target(name: "Statistics", dependencies: ["Randomness", numerics], swiftSettings: optimized),
    .target(name: "CChecksums", cSettings: [.unsafeFlags(["-O2"])]),
    .target(name: "Checksums", dependencies: ["CChecksums"], swiftSettings: optimized),

    // Tokens to gradients.
    .target(name: "FileAccess", swiftSettings: strict),
    .target(
      name: "Corpus", dependencies: ["Architecture", "Checksums", "FileAccess", "Randomness", "RunData"],
      swiftSettings: optimized),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CProcessor", cSettings: [.unsafeFlags(["-march=\(processor)"])]),
    .target(name: "COneDNN", cSettings: [.unsafeFlags(["-O2"])]),
    .target(
      name: "Kernels",
      dependencies: [
        "Architecture", "COneDNN", "COpenBLAS", "CProcessor", "Randomness", "RunData", numerics,
      ],
      swiftSettings: vectorized),
    .target(
      name: "Transformer", dependencies: ["Architecture", "Kernels", "Randomness", "RunData", numerics],
      swiftSettings: strict),
    .target(
      name: "Training",
      dependencies: [
        "Architecture", "Corpus", "Kernels", "Randomness", "RunData", "Transformer", numerics,
      ],
      swiftSettings: strict),

    .target(
      name: "Checkpoints", dependencies: ["Architecture", "Checksums", "FileAccess", "RunData"],
      swiftSettings: optimized),

    // Gradients to file.
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .target(name: "HDF5", dependencies: ["CHDF5"], swiftSettings: strict),
    .target(name: "Isolation", swiftSettings: strict),
    .target(name: "RunFile", dependencies: ["Checksums", "HDF5", "RunData"], swiftSettings: optimized),

    // File to figure.
    .target(name: "Charts", dependencies: ["Text", numerics], swiftSettings: strict),
    .target(name: "Documents", dependencies: ["Charts", "Statistics", "Text"], swiftSettings: optimized),
    .target(
      name: "Analysis",
      dependencies: ["Architecture", "Charts", "Documents", "RunData", "Statistics", "Text", numerics],
      swiftSettings: optimized),
    .target(
      name: "Comparison",
      dependencies: [
        "Analysis", "Architecture", "Charts", "Checkpoints", "Documents", "Kernels", "RunData", "Statistics",
        "Text",
        numerics,
      ], swiftSettings: optimized),

    .target(
      name: "Evaluation",
      dependencies: [
        "Charts", "Corpus", "Documents", "FileAccess", "Kernels", "Randomness", "Statistics", "Text",
        "Transformer",
        numerics,
      ], swiftSettings: optimized),

    .target(
      name: "FineTuning",
      dependencies: [
        "Architecture", "Charts", "Documents", "Evaluation", "FileAccess", "Kernels", "Randomness", "RunData",
        "Statistics", "Text", "Training", "Transformer", numerics,
      ], swiftSettings: optimized),

    // Files that others may have damaged.
    .target(
      name: "RunReading",
      dependencies: [
        "Analysis", "Checkpoints", "Documents", "FileAccess", "Isolation", "RunData", "RunFile", "Text",
      ], swiftSettings: strict),

    // For other programs.
    .target(name: "TensorBoard", dependencies: ["Checksums"], swiftSettings: optimized),
    .target(
      name: "Export",
      dependencies: [
        "Analysis", "Charts", "Documents", "FileAccess", "RunData", "RunFile", "RunReading", "Statistics",
        "TensorBoard", "Text",
      ], swiftSettings: strict),

    // Runs planned, made, gone on with; grids and recipes of them.
    .target(
      name: "Experiments",
      dependencies: [
        "Analysis", "Architecture", "BuildInfo", "Charts", "Checkpoints", "Checksums", "Corpus", "Documents",
        "Evaluation", "FileAccess", "FineTuning", "Isolation", "Kernels", "RunData", "RunFile", "RunReading",
        "Statistics", "Text", "Training", "Transformer", numerics, .product(name: "Yams", package: "Yams"),
      ], swiftSettings: strict),

    // A page that shows runs while they grow.
    .target(
      name: "Watch",
      dependencies: [
        "Analysis", "Charts", "Checksums", "Documents", "Isolation", "RunData", "RunFile", "Text",
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ], resources: [.embedInCode("Page")], swiftSettings: optimized),

    // The commands: what a user says, what several of them do, and they themselves.
    .target(
      name: "CommandOptions",
      dependencies: [
        "Analysis", "Architecture", "Charts", "Checkpoints", "Checksums", "Comparison", "Corpus", "Documents",
        "Evaluation", "Experiments", "FileAccess", "FineTuning", "Isolation", "Kernels", "RunData", "RunFile",
        "Text", "Training", "Transformer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ], swiftSettings: strict),
    .target(
      name: "CommandSupport",
      dependencies: [
        "Analysis", "Architecture", "Charts", "Checkpoints", "CommandOptions", "Comparison", "Corpus",
        "Documents", "Evaluation", "Experiments", "FileAccess", "FineTuning", "Isolation", "Kernels",
        "RunData", "RunFile", "RunReading", "Statistics", "Text", "Training", "Transformer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .target(
      name: "NFProbeCommands",
      dependencies: [
        "Analysis", "Architecture", "Charts", "Checkpoints", "CommandOptions", "CommandSupport", "Comparison",
        "Corpus", "Documents", "Evaluation", "Experiments", "Export", "FileAccess", "FineTuning", "Isolation",
        "Kernels", "RunData", "RunFile", "RunReading", "Text", "Training", "Transformer", "Watch",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(name: "nf-probe", dependencies: ["NFProbeCommands"], swiftSettings: strict),

    // Tests, in the same order.
    .target(name: "FileTestSupport", path: "Tests/FileTestSupport", swiftSettings: strict),
    .target(name: "FuzzTestSupport", path: "Tests/FuzzTestSupport", swiftSettings: optimized),
    .testTarget(name: "ArchitectureTests", dependencies: ["Architecture"], swiftSettings: tested),
    .testTarget(name: "ChecksumsTests", dependencies: ["Checksums"], swiftSettings: tested),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: tested),
    .testTarget(name: "TextTests", dependencies: ["Text"], swiftSettings: tested),
    .testTarget(
      name: "ChartsTests", dependencies: ["Charts", "SnapshotSupport", "Text", numerics],
      exclude: ["Snapshots"],
      swiftSettings: tested),
    .testTarget(
      name: "DocumentsTests", dependencies: ["Charts", "Documents", "SnapshotSupport", "Statistics", "Text"],
      exclude: ["Snapshots"], swiftSettings: tested),
    .testTarget(
      name: "CorpusTests",
      dependencies: [
        "Architecture", "Checksums", "Corpus", "FileAccess", "FileTestSupport", "Randomness", "RunData",
      ],
      swiftSettings: optimized),
    .target(
      name: "GoldenSupport", dependencies: ["Architecture", "Kernels", "RunData", "Transformer"],
      path: "Tests/GoldenSupport", swiftSettings: strict),
    .testTarget(
      name: "KernelsTests", dependencies: ["Architecture", "Kernels", "RunData", numerics],
      swiftSettings: vectorized),
    .testTarget(
      name: "TransformerTests",
      dependencies: ["Architecture", "GoldenSupport", "Kernels", "RunData", "Transformer"],
      swiftSettings: tested),
    .testTarget(
      name: "DecoderTests",
      dependencies: ["Architecture", "Checkpoints", "Kernels", "RunData", "Transformer"],
      swiftSettings: tested),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Architecture", "Corpus", "GoldenSupport", "Kernels", "RunData", "Training", "Transformer",
      ],
      swiftSettings: tested),
    .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"], swiftSettings: tested),
    .testTarget(
      name: "FineTuningTests",
      dependencies: [
        "Architecture", "Corpus", "Evaluation", "FileTestSupport", "FineTuning", "GoldenSupport", "Kernels",
        "RunData", "Statistics", "Training", "Transformer",
      ], swiftSettings: tested),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: [
        "Architecture", "Checkpoints", "Checksums", "FileAccess", "FileTestSupport", "FuzzTestSupport",
        "RunData",
        "SnapshotSupport",
      ], resources: [.copy("Fixtures")], swiftSettings: optimized + [asWritten]),
    .target(
      name: "RunFileTestSupport", dependencies: ["RunData"], path: "Tests/RunFileTestSupport",
      swiftSettings: optimized),
    .executableTarget(
      name: "run-file-child", dependencies: ["RunData", "RunFile", "RunFileTestSupport"],
      path: "Tests/run-file-child", swiftSettings: optimized),
    .executableTarget(
      name: "isolation-child", dependencies: ["Isolation", "RunData", "RunFile"],
      path: "Tests/isolation-child",
      swiftSettings: strict),
    .testTarget(
      name: "IsolationTests",
      dependencies: ["Isolation", "RunData", "RunFile", "RunFileTestSupport", "isolation-child"],
      swiftSettings: tested),
    .testTarget(name: "HDF5Tests", dependencies: ["HDF5", "RunFileTestSupport"], swiftSettings: tested),
    .testTarget(
      name: "RunFileTests",
      dependencies: [
        "HDF5", "RunData", "RunFile", "RunFileTestSupport", "SnapshotSupport", "run-file-child",
      ],
      exclude: ["Python"], swiftSettings: tested),
    .testTarget(name: "TensorBoardTests", dependencies: ["TensorBoard"], swiftSettings: tested),
    .testTarget(name: "ExperimentsTests", dependencies: ["Experiments", "RunData"], swiftSettings: tested),
    .testTarget(name: "ExportTests", dependencies: ["Export"], swiftSettings: tested),
    .target(
      name: "SnapshotSupport", dependencies: ["Charts"], path: "Tests/SnapshotSupport", swiftSettings: strict),
    .testTarget(
      name: "NFProbeCommandsTests",
      dependencies: [
        "CommandOptions", "Experiments", "FileTestSupport", "FuzzTestSupport", "NFProbeCommands", "Text",
      ],
      swiftSettings: tested),
    .testTarget(
      name: "AnalysisTests",
      dependencies: [
        "Analysis", "Architecture", "Charts", "Documents", "RunData", "Randomness", "SnapshotSupport",
        "Statistics", "Text", numerics,
      ],
      exclude: ["Fixtures/make_golden.py", "Fixtures/make_scales.py", "Snapshots"],
      resources: [.copy("Fixtures/golden.json"), .copy("Fixtures/scales.json")], swiftSettings: tested),
    .testTarget(
      name: "ComparisonTests",
      dependencies: [
        "Analysis", "Charts", "Checkpoints", "Comparison", "Documents", "FileTestSupport", "Kernels",
        "RunData", "SnapshotSupport", "Statistics", numerics,
      ], exclude: ["Fixtures/make_spectra.py", "Snapshots"], resources: [.copy("Fixtures/spectra.json")],
      swiftSettings: tested),
  ],
  swiftLanguageModes: [.v6]
)
