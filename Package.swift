// swift-tools-version:6.3
import PackageDescription

/// Every Swift target: Swift 6, no warnings, unsafe code marked as such.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "nf-probe",
  products: [],
  targets: [
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),
    .target(name: "Charts", swiftSettings: strict),
    .target(name: "Analysis", dependencies: ["RunData", "Randomness", "Charts"], swiftSettings: strict),

    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
    .testTarget(name: "ChartsTests", dependencies: ["Charts"], swiftSettings: strict),
    .testTarget(
      name: "AnalysisTests", dependencies: ["Analysis", "Charts", "RunData", "Randomness"],
      exclude: ["Fixtures/make_golden.py", "Snapshots"], resources: [.copy("Fixtures/golden.json")],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
