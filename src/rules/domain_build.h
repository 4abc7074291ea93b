// SPDX-License-Identifier: Apache-2.0
//
// DomainSetBuilder: makes a DomainSet's file from names in any order. Owner: one list being
// compiled, on a work thread; used once.
//
// Memory stays small whatever the list: names go by the top bits of their hash into 64 parts, which
// spill into one unnamed file beside the target; each part is sorted by itself. Without a path all
// of it stands in memory. A name that comes twice keeps its first line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "rules/domain_format.h"
#include "rules/domain_set.h"

namespace weir::rules {

class DomainSetBuilder {
public:
  /// The file to make; empty: memory.
  explicit DomainSetBuilder(std::string path);
  ~DomainSetBuilder();
  DomainSetBuilder(const DomainSetBuilder&) = delete;
  DomainSetBuilder& operator=(const DomainSetBuilder&) = delete;

  /// `name` in lower case without dots at its ends. False: not a host name, nothing is added.
  bool add(std::string_view name, DomainKind kind, std::uint32_t line);
  std::uint64_t added() const noexcept { return added_; }
  /// Bytes to be kept in the file for the owner.
  void set_meta(std::string meta) { meta_ = std::move(meta); }
  /// Writes, renames and maps the set. An Error: I/O, or more than 4 GiB of entries.
  Result<Ref<const DomainSet>> build();

private:
  struct Part {
    std::string buffer;
    std::vector<std::uint64_t> extents; // where in the spill file kExtent bytes of it lie
  };
  struct Output;

  std::uint8_t tld_number(std::string_view label);
  Result<void> spill(Part& part);
  Result<std::string> load(const Part& part) const;
  Result<void> write_part(const std::string& records, Output& out);
  Result<void> finish(Output& out);
  Result<Ref<const DomainSet>> install(int fd);

  std::string path_;
  std::string temporary_;
  HashKey key_;
  std::array<Part, 64> parts_;
  int spill_fd_ = -1;
  std::uint64_t spilled_ = 0;
  Error broken_; // the first failure of spill()
  std::unordered_map<std::string, std::uint8_t> tlds_;
  std::vector<std::string> tld_names_;
  std::string meta_;
  std::uint64_t added_ = 0;
  std::uint32_t last_line_ = 0;
  std::uint64_t exact_depths_ = 0;
  std::uint64_t under_depths_ = 0;
};

/// Whether `name` may stand in a set: 1-253 characters a-z 0-9 - _ in labels of 1-63.
bool is_domain_name(std::string_view name) noexcept;

} // namespace weir::rules
