// SPDX-License-Identifier: Apache-2.0
//
// CompiledList: one `list` of the configuration, ready for look-ups, and compile_list(), which
// makes it. Owner: by Ref, Generation; immutable, any thread. compile_list() runs on a work thread:
// it reads files and takes seconds for millions of lines.
//
// The compiled file stands beside the state (NAME.set) and is used again as long as the sources are
// unchanged; a damaged one is made anew. Every hit tells file and line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/ref.h"
#include "base/result.h"
#include "config/config.h"
#include "rules/domain_set.h"
#include "rules/prefix_set.h"

namespace weir::rules {

class CompiledList;

/// A look-up's success. Valid as long as the list.
struct ListHit {
  const CompiledList* list = nullptr;
  std::uint32_t line = 0;    // counted over all files of the list
  std::size_t name_size = 0; // of a name: its length; 0: an address
  explicit operator bool() const noexcept { return list != nullptr; }
};

/// One file that a list was made of.
struct ListSource {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t modified = 0; // nanoseconds
  std::uint32_t first = 0;   // number of its first line in the whole list
};

class CompiledList final : public Shared {
public:
  const std::string& name() const noexcept { return name_; }
  /// A list of format cidr: in a site it is about clients, in a forward about destinations.
  bool of_addresses() const noexcept { return format_ == config::ListFormat::cidr; }
  /// No name in it is looked up in vain.
  bool has_names() const noexcept { return domains_->size() != 0; }
  bool has_addresses() const noexcept { return !prefixes_.empty(); }

  /// `host` as a name.
  ListHit find(std::string_view host) const noexcept;
  ListHit find(const Address& address) const noexcept;
  /// For a person: `text` as a name, or as an address in any spelling.
  ListHit find_text(std::string_view text) const noexcept;

  /// "ads.txt:12".
  std::string where(const ListHit& hit) const;
  std::uint64_t entries() const noexcept { return domains_->size() + prefixes_.size(); }
  std::uint64_t bad_lines() const noexcept { return bad_lines_; }
  const std::vector<ListSource>& sources() const noexcept { return sources_; }
  std::size_t bytes() const noexcept { return domains_->bytes() + prefixes_.bytes(); }

private:
  template <class T, class... Args> friend Ref<T> weir::make_ref(Args&&... args);
  friend class ListCompiler;
  CompiledList() = default;

  // Constant after compile_list().
  std::string name_;
  config::ListFormat format_ = config::ListFormat::plain;
  std::vector<ListSource> sources_;
  std::uint64_t bad_lines_ = 0;
  Ref<const DomainSet> domains_;
  PrefixSet prefixes_;
};

struct ListSettings {
  std::string folder;             // where NAME.set stands, made if need be; empty: memory only
  Ref<const CompiledList> former; // what is in force; none: what NAME.set holds
};

/// What came of it, for the log and for people.
struct ListReport {
  bool reused = false;          // the sources have not changed
  bool kept_former = false;     // `problem` says why the new one was refused
  std::string problem;          // a file that cannot be read, the shrink guard; may be empty
  std::vector<std::string> bad; // the first bad lines: "file:line: text"
};

/// Fails only when there is neither a new version nor a former one; `report.problem` says why.
Result<Ref<const CompiledList>> compile_list(const config::ListDecl& decl,
                                             const ListSettings& settings, ListReport& report);

} // namespace weir::rules
