// SPDX-License-Identifier: Apache-2.0
//
// List files: the first byte chooses the format, the rest is the file. Every name that comes out
// must be one that a set takes, and be found again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "rules/domain_build.h"
#include "rules/list_reader.h"

using namespace weir::rules;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  ListReader reader(static_cast<weir::config::ListFormat>(data[0] % 3));
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string_view rest = text;
  DomainSetBuilder builder("");
  std::vector<std::string> names;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    (void)reader.read(line);
    for (const auto& entry : reader.entries()) {
      if (entry.name.empty()) {
        continue;
      }
      if (!builder.add(entry.name, entry.kind, static_cast<std::uint32_t>(names.size()))) {
        std::abort();
      }
      names.push_back((entry.kind == DomainKind::under ? "x." : "") + std::string(entry.name));
    }
  }
  auto set = builder.build();
  if (!set) {
    std::abort();
  }
  for (const auto& name : names) {
    // A subdomain of a name of full length is longer than a host can be.
    if (name.size() <= 253 && !(*set)->find(name)) {
      std::abort();
    }
  }
  (void)(*set)->find(text);
  return 0;
}
