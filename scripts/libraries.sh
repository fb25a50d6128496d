# Sourced: the libraries that Telegen and its tests link, by Debian package name.
# shellcheck disable=SC2034
libraries=(
  libbpf-dev libprotozero-dev libcurl4-openssl-dev libdeflate-dev libzstd-dev libyaml-cpp-dev nlohmann-json3-dev
  libspdlog-dev libfmt-dev libcli11-dev libcpp-httplib-dev libelf-dev libdw-dev libcap-ng-dev libseccomp-dev
  libboost1.81-dev libre2-dev libsodium-dev
  # unit tests and benchmarks
  libgtest-dev libgmock-dev libbenchmark-dev
)
