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
    .plugin(name: "WriteBuildInfo", capability: .buildTool()),
    .target(name: "BuildInfo", swiftSettings: strict, plugins: ["WriteBuildInfo"]),
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),

    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
