// swift-tools-version:6.3
import PackageDescription

/// Every Swift target: Swift 6, no warnings, unsafe code marked as such.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Kernels are compiled for the processor of the machine that builds, or for `NF_PROBE_MARCH`, and optimised in debug
/// builds too: the tests train.
let kernelSettings: [SwiftSetting] =
  strict + [
    .unsafeFlags([
      "-Xcc", "-march=\(Context.environment["NF_PROBE_MARCH"] ?? "native")", "-Xcc", "-mprefer-vector-width=512",
    ]),
    .unsafeFlags(["-O"], .when(configuration: .debug)),
  ]

let package = Package(
  name: "nf-probe",
  products: [],
  targets: [
    .plugin(name: "WriteBuildInfo", capability: .buildTool()),
    .target(name: "BuildInfo", swiftSettings: strict, plugins: ["WriteBuildInfo"]),
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(
      name: "Kernels", dependencies: ["COpenBLAS", "Randomness", "RunData"], swiftSettings: kernelSettings),
    .target(
      name: "Transformer", dependencies: ["Kernels", "Randomness", "RunData"], swiftSettings: strict),

    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
    .testTarget(
      name: "TransformerTests", dependencies: ["Transformer", "Kernels", "RunData"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
