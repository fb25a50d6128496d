#include "discovery/resource_builder.h"

#include <algorithm>
#include <string>

#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxValue = 1024;

class Builder {
 public:
  void text(std::string_view key, std::string_view value) {
    std::string clean = to_clean_utf8(value, kMaxValue);
    if (!clean.empty()) resource_.attributes.push_back({std::string(key), std::move(clean)});
  }
  void number(std::string_view key, std::uint64_t value) {
    if (value != 0) resource_.attributes.push_back({std::string(key), static_cast<std::int64_t>(value)});
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    std::vector<std::string> clean;
    for (const std::string& value : values) clean.push_back(to_clean_utf8(value, kMaxValue));
    if (!clean.empty()) resource_.attributes.push_back({std::string(key), std::move(clean)});
  }
  void replace(const std::string& key, const std::string& value) {
    auto& all = resource_.attributes;
    const auto same = std::find_if(all.begin(), all.end(), [&](const auto& attribute) { return attribute.key == key; });
    if (same != all.end()) {
      same->value = value;
    } else {
      all.push_back({key, value});
    }
  }
  Resource take() { return std::move(resource_); }

 private:
  Resource resource_;
};

void add_host(const HostInfo& host, Builder& out) {
  out.text("host.name", host.name);
  out.text("host.id", host.id);
  out.text("host.arch", host.arch);
  out.text("os.type", "linux");
  out.text("os.name", host.os_name);
  out.text("os.version", host.os_version);
  out.text("os.description", host.os_description);
}

void add_process(const ProcessInfo& process, const ResourceOptions& options, Builder& out) {
  out.number("process.pid", process.pid);
  out.number("process.parent_pid", process.parent);
  if (process.inner_pid != process.pid) out.number("process.vpid", process.inner_pid);
  out.text("process.executable.name", process.exe_path.empty() ? process.name : base_name(process.exe_path));
  out.text("process.executable.path", process.exe_path);
  if (!process.args.empty()) {
    // A title ("nginx: master process …") or a rewritten argv is one string that may say anything: up to its first
    // blank.
    const std::string_view first = process.args.front();
    out.text("process.command", first.substr(0, process.args.size() == 1 ? first.find(' ') : std::string_view::npos));
    if (options.command_args) out.list("process.command_args", process.args);
  }
  out.text("process.runtime.name", process.runtime.name);
  out.text("process.runtime.version", process.runtime.version);
  out.text("container.id", process.container.id);
  out.text("container.runtime.name", process.container.runtime);
  out.text("k8s.pod.uid", process.container.pod_uid);
}

}  // namespace

Resource build_resource(const HostInfo& host, const ProcessInfo& process, const ResourceOptions& options) {
  Builder out;
  out.text("service.name", process.service.name);
  out.text("service.namespace", process.service.name_space);
  out.text("service.version", process.service.version);
  out.text("service.instance.id", process.service.instance_id);
  const Language language = process.runtime.language == Language::kUnknown ? Language::kCpp : process.runtime.language;
  out.text("telemetry.sdk.name", "telegen");
  out.text("telemetry.sdk.language", to_text(language));
  out.text("telemetry.sdk.version", options.agent_version);
  out.text("telemetry.distro.name", "telegen");
  out.text("telemetry.distro.version", options.agent_version);
  add_host(host, out);
  add_process(process, options, out);
  for (const auto& [key, value] : process.resource_attributes) {
    if (key != "service.name") out.replace(key, value);
  }
  return out.take();
}

}  // namespace telegen
