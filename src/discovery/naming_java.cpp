#include <algorithm>
#include <array>

#include "discovery/naming_parts.h"
#include "discovery/text.h"

namespace telegen::naming {
namespace {

// Programs whose main class is not what people call them.
struct KnownClass {
  std::string_view name;
  std::string_view service;
};
constexpr std::array kKnownClasses = {
    KnownClass{"org.apache.catalina.startup.Bootstrap", "tomcat"},
    KnownClass{"kafka.Kafka", "kafka"},
    KnownClass{"kafka.docker.KafkaDockerWrapper", "kafka"},
    KnownClass{"org.apache.zookeeper.server.quorum.QuorumPeerMain", "zookeeper"},
    KnownClass{"org.elasticsearch.bootstrap.Elasticsearch", "elasticsearch"},
    KnownClass{"org.elasticsearch.server.cli.ServerCli", "elasticsearch"},
    KnownClass{"org.opensearch.bootstrap.OpenSearch", "opensearch"},
    KnownClass{"org.apache.cassandra.service.CassandraDaemon", "cassandra"},
    KnownClass{"org.apache.activemq.artemis.boot.Artemis", "artemis"},
    KnownClass{"io.quarkus.bootstrap.runner.QuarkusEntryPoint", ""},
    KnownClass{"org.springframework.boot.loader.JarLauncher", ""},  // "": the project's folder tells
    KnownClass{"org.springframework.boot.loader.launch.JarLauncher", ""},
    KnownClass{"org.springframework.boot.loader.WarLauncher", ""},
    KnownClass{"org.springframework.boot.loader.launch.WarLauncher", ""},
    KnownClass{"org.springframework.boot.loader.PropertiesLauncher", ""},
    KnownClass{"org.springframework.boot.loader.launch.PropertiesLauncher", ""},
};
constexpr std::array kKnownJars = {KnownClass{"jboss-modules", "wildfly"}, KnownClass{"quarkus-run", ""},
                                   KnownClass{"start", ""}};

constexpr auto kEmptyClasses = std::to_array<std::string_view>(
    {"Main", "App", "Application", "Launcher", "Bootstrap", "Start", "Run", "MainKt", "AppKt", "ApplicationKt"});
constexpr auto kEmptyJars = std::to_array<std::string_view>({"app", "application", "main", "service", "server"});

// "orders-1.2.3-SNAPSHOT" → "orders": Maven's artifact-version, where the version starts with a digit.
std::string_view without_version(std::string_view name) {
  for (std::size_t at = name.find('-'); at != std::string_view::npos; at = name.find('-', at + 1)) {
    const std::string_view tail = name.substr(at + 1);
    if (at > 0 && !tail.empty() && (is_digit(tail[0]) || (tail.size() > 1 && tail[0] == 'v' && is_digit(tail[1])))) {
      return name.substr(0, at);
    }
  }
  for (const std::string_view suffix : {"-SNAPSHOT", "-all", "-fat", "-exec", "-runner", "-jar-with-dependencies"}) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

Name of_jar(std::string_view path, std::string_view cwd) {
  std::string_view stem = base_name(path);
  for (const std::string_view extension : {".jar", ".war"}) {
    if (stem.ends_with(extension)) stem.remove_suffix(extension.size());
  }
  stem = without_version(stem);
  for (const KnownClass& known : kKnownJars) {
    if (stem != known.name) continue;
    if (!known.service.empty()) return std::string(known.service);
    std::string_view folder = directory_of(path);
    if (base_name(folder) == "quarkus-app") folder = directory_of(folder);
    if (Name project = project_name(cwd, folder)) return project;
  }
  if (is_one_of(stem, kEmptyJars)) {
    // "/app.jar" in a container says no more than its name.
    const Name project = project_name(cwd, directory_of(path));
    if (project && *project != "app") return project;
  }
  if (stem.empty()) return std::nullopt;
  return std::string(stem);
}

Name of_class(std::string_view name, std::string_view cwd) {
  // "module/com.acme.Main" behind -m; "com/acme/Main.java" as a source file.
  if (name.ends_with(".java")) return script_name(without_extension(name), cwd);
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  for (const KnownClass& known : kKnownClasses) {
    if (name != known.name) continue;
    return known.service.empty() ? project_name(cwd) : Name(std::string(known.service));
  }
  const std::size_t dot = name.rfind('.');
  const std::string_view simple = dot == std::string_view::npos ? name : name.substr(dot + 1);
  if (dot != std::string_view::npos && is_one_of(simple, kEmptyClasses)) {
    const std::string_view package = name.substr(0, dot);
    return std::string(package.substr(package.rfind('.') + 1));  // npos + 1 is 0: the whole
  }
  if (simple.empty()) return std::nullopt;
  return std::string(simple);
}

}  // namespace

// java [options] (class | -jar file | -m module[/class] | source.java) [arguments]
Name of_java(const Command& command) {
  // Names that were given on purpose, to the OpenTelemetry agent or to Spring.
  for (const std::string_view property :
       {"-Dotel.service.name=", "-Dspring.application.name=", "--spring.application.name="}) {
    for (const std::string& arg : command.args) {
      if (arg.starts_with(property) && arg.size() > property.size()) return arg.substr(property.size());
    }
  }
  constexpr auto kWithValue = std::to_array<std::string_view>(
      {"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules",
       "--enable-native-access", "--describe-module", "-d", "--source", "--add-exports", "--add-opens", "--add-reads",
       "--limit-modules", "--patch-module"});
  Command rest = command;
  while (!rest.args.empty()) {
    const std::string_view arg = rest.args.front();
    const Command behind = behind_first(rest);
    if (arg == "-jar" || arg == "-m" || arg == "--module") {
      if (behind.args.empty()) return std::nullopt;
      const std::string_view value = behind.args.front();
      return arg == "-jar" ? of_jar(value, command.cwd) : of_class(value, command.cwd);
    }
    if (arg.starts_with("--module=")) return of_class(arg.substr(9), command.cwd);
    if (!arg.starts_with('-') && !arg.starts_with('@')) return of_class(arg, command.cwd);
    rest = is_one_of(arg, kWithValue) ? behind_first(behind) : behind;
  }
  return std::nullopt;
}

}  // namespace telegen::naming
