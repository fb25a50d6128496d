#include "control/config/documentation.h"

#include <utility>
#include <vector>

#include "control/config/environment.h"
#include "control/config/schema.h"

namespace telegen {
namespace {

using config::Key;
using config::KeyType;

constexpr std::string_view kIntroduction = R"(# Configuration

<!-- Written by the build target `config_docs` from the declaration of the settings. Do not edit: a test compares. -->

Telegen needs no configuration. What you do set can come from four places; the first that names a key wins:

1. an option of the command line (`telegen run --help`),
2. an environment variable,
3. the file: `--config FILE`, else `./telegen.yaml`, else `/etc/telegen/telegen.yaml`,
4. the default.

Nothing is ignored in silence. An unknown key, a wrong type or an impossible value is an error that names file, line,
key and what to write instead; `telegen validate` shows all of them at once, and `telegen validate --show` prints the
configuration in effect with secrets masked.

**Sizes** are plain bytes or take `Ki`, `Mi`, `Gi`; **times** are whole numbers with `ms`, `s`, `m` or `h`. A value in the
file may use `${NAME}` and `${NAME:-default}` (for a variable that is not set or is empty); `$${` stands for a literal
`${`. Anchors and aliases work. A file is at most 1 MiB of UTF-8.

**Environment.** Every key has a variable: its path in capitals with underscores. Lists are written `a,b` or as YAML
(`[a, b]`), mappings `a=1,b=2` or as YAML, lists of mappings as YAML (`[{key: value}]`). A `TELEGEN_` variable that belongs
to no key is an error, but for those that Kubernetes sets for services (`…_SERVICE_HOST`, `…_SERVICE_PORT…`, `…_PORT`,
`…_PORT_<number>_<protocol>…`).
)";

// Within a table a "|" would end the cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

bool is_container(const Key& key) { return key.type == KeyType::kSection || key.type == KeyType::kList; }

std::string parent_of(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::string() : path.substr(0, dot);
}

void add_row(const Key& key, std::string& out) {
  const std::string name = key.path.substr(key.path.rfind('.') + 1);
  out += "| `" + name + "` | " + cell(config::type_text(key)) + " | `" + cell(key.default_text) + "` | ";
  out += cell(key.doc) + (key.secret ? " Secret: never shown." : "");
  out += (key.in_list ? "" : " <br>`" + config::variable_name(key.path) + "`") + " |\n";
}

void add_table(const std::vector<Key>& keys, const std::string& parent, std::string& out) {
  bool first = true;
  for (const Key& key : keys) {
    if (parent_of(key.path) != parent || key.type == KeyType::kSection) continue;
    if (std::exchange(first, false)) out += "\n| key | value | default | meaning and variable |\n|---|---|---|---|\n";
    add_row(key, out);
  }
}

}  // namespace

std::string configuration_markdown() {
  const std::vector<Key> keys = config::all_keys();
  std::string out(kIntroduction);
  for (const Key& key : keys) {
    if (!is_container(key)) continue;
    const std::string heading = key.type == KeyType::kList ? "each entry of `" + key.path + "`" : "`" + key.path + "`";
    out += "\n" + std::string(key.path.find('.') == std::string::npos ? "## " : "### ") + heading + "\n\n" + key.doc +
           "\n";
    add_table(keys, key.type == KeyType::kList ? key.path + "[]" : key.path, out);
  }
  return out;
}

}  // namespace telegen
