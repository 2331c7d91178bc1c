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

let package = Package(
  name: "nf-probe",
  products: [],
  targets: [
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),
    .target(name: "FileAccess", path: "Sources/Corpus/FileAccess", swiftSettings: strict),
    .target(
      name: "Corpus", dependencies: ["FileAccess", "Randomness", "RunData"], exclude: ["FileAccess"],
      swiftSettings: optimized),
    .target(name: "Checkpoints", dependencies: ["FileAccess"], swiftSettings: optimized),

    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
    .testTarget(
      name: "CorpusTests", dependencies: ["Corpus", "FileAccess", "Randomness", "RunData"],
      swiftSettings: optimized),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "FileAccess"], swiftSettings: optimized),
  ],
  swiftLanguageModes: [.v6]
)
