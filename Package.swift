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

let package = Package(
  name: "nf-probe",
  products: [],
  targets: [
    .plugin(name: "WriteBuildInfo", capability: .buildTool()),
    .target(name: "BuildInfo", swiftSettings: strict, plugins: ["WriteBuildInfo"]),
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: optimized),
    .target(name: "FileAccess", path: "Sources/Corpus/FileAccess", swiftSettings: strict),
    .target(
      name: "Corpus", dependencies: ["FileAccess", "Randomness", "RunData"], exclude: ["FileAccess"],
      swiftSettings: optimized),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(
      name: "Kernels", dependencies: ["COpenBLAS", "Randomness", "RunData"], swiftSettings: vectorized),
    .target(
      name: "Transformer", dependencies: ["Kernels", "Randomness", "RunData"], swiftSettings: strict),
    .target(
      name: "Training", dependencies: ["Corpus", "Kernels", "Randomness", "RunData", "Transformer"],
      swiftSettings: strict),
    .target(name: "Charts", swiftSettings: strict),
    .target(name: "Analysis", dependencies: ["RunData", "Randomness", "Charts"], swiftSettings: strict),

    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .target(name: "HDF5", dependencies: ["CHDF5"], swiftSettings: strict),
    .target(name: "RunFile", dependencies: ["HDF5", "RunData"], swiftSettings: strict),

    .target(
      name: "RunFileTestSupport", dependencies: ["RunData"], path: "Tests/RunFileTestSupport",
      swiftSettings: strict),
    .executableTarget(
      name: "run-file-child", dependencies: ["RunData", "RunFile", "RunFileTestSupport"],
      path: "Tests/run-file-child", swiftSettings: strict),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
    .testTarget(
      name: "CorpusTests", dependencies: ["Corpus", "FileAccess", "Randomness", "RunData"],
      swiftSettings: optimized),
    .testTarget(
      name: "TransformerTests", dependencies: ["Transformer", "Kernels", "RunData"], swiftSettings: strict),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["Corpus", "Kernels", "RunData", "Training", "Transformer"],
      swiftSettings: strict),
      name: "AnalysisTests", dependencies: ["Analysis", "Charts", "RunData", "Randomness"],
      exclude: ["Fixtures/make_golden.py"], resources: [.copy("Fixtures/golden.json")], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
