// SPDX-License-Identifier: Apache-2.0
// The configuration language: whatever the text, loading ends with a Config or with errors that
// point into it; the canonical form is its own, and means the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.h"

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = load_text("t", text, {false});
  require((loaded.config == nullptr) == (count_errors(loaded.diagnostics) != 0));
  for (const Diagnostic& each : loaded.diagnostics) {
    require(!each.what.empty() && (each.line == 0 || each.column <= each.source.size() + 1));
  }
  print(loaded.diagnostics);
  if (loaded.config) {
    require(!print(show(*loaded.config, true)).empty());
  }
  const Formatted once = format("t", text);
  if (count_errors(once.diagnostics) != 0) {
    require(once.text.empty() && !loaded.config);
    return 0;
  }
  const Formatted twice = format("t", once.text);
  require(twice.diagnostics.empty() && twice.text == once.text);
  const Loaded again = load_text("t", once.text, {false});
  require(again.diagnostics.size() == loaded.diagnostics.size());
  for (std::size_t i = 0; i < again.diagnostics.size(); ++i) {
    require(again.diagnostics[i].what == loaded.diagnostics[i].what);
  }
  return 0;
}
