// SPDX-License-Identifier: Apache-2.0
//
// DomainSet: an immutable, memory-mapped set of host names for look-up by suffix, made for ten
// million of them (13 bytes each, two cache misses a parent). Owner: by Ref; any thread.
//
// Every hit tells the line that put the entry there. Names that no host can have, however long,
// cost no more than a long one. The file is checked whole when it is opened (version, checksum,
// bounds); a damaged one is an Error and is built again from its list. It is never changed in
// place: the builder renames a new one over it, so a mapping stays valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ref.h"
#include "base/result.h"

namespace weir::rules {

/// What an entry covers, as two bits.
enum class DomainKind : std::uint8_t {
  exact = 1, // example.com: that host
  under = 2, // *.example.com: its subdomains
  both = 3,  // .example.com
};

struct DomainHit {
  std::uint32_t line = 0; // as given to the builder
  DomainKind kind = DomainKind::exact;
  std::size_t name_size = 0; // the entry's name is the last so many characters of the host
};

class DomainSet final : public Shared {
public:
  static Result<Ref<const DomainSet>> open(const std::string& path);
  /// Maps what `fd` holds; the caller closes fd.
  static Result<Ref<const DomainSet>> map(int fd);
  ~DomainSet() override;

  /// The entry of the most exact name that covers `host`. Letter case and one trailing dot do not
  /// matter. Allocates nothing.
  std::optional<DomainHit> find(std::string_view host) const noexcept;

  std::uint64_t size() const noexcept { return entries_; }
  /// Bytes mapped: all the memory it takes.
  std::size_t bytes() const noexcept { return file_.size(); }
  /// What the builder was given by set_meta().
  std::string_view meta() const noexcept { return meta_; }

private:
  struct Parent {
    std::uint16_t start; // of the name in the folded host
    std::uint16_t bits;  // its code is so many bits of the host's
  };
  struct Query;
  struct Probe;

  template <class T, class... Args> friend Ref<T> weir::make_ref(Args&&... args);
  explicit DomainSet(std::string_view file) : file_(file) {}
  Result<void> check();
  Result<void> read_tlds(std::string_view bytes);
  std::uint8_t tld_number(std::string_view label) const noexcept;
  void read_host(std::string_view host, Query& query) const noexcept;
  std::optional<DomainHit> probe(const Query& query, std::size_t from,
                                 std::size_t to) const noexcept;
  std::optional<DomainHit> scan(const Query& query, const Probe& probe) const noexcept;

  // Constant after construction.
  std::string_view file_; // the mapping
  HashKey key_;
  std::uint64_t entries_ = 0;
  std::uint64_t exact_depths_ = 0;
  std::uint64_t under_depths_ = 0;
  std::string_view data_;
  const char* offsets_ = nullptr;
  std::uint32_t buckets_ = 0;
  std::uint32_t line_width_ = 1;
  std::string_view meta_;
  std::vector<std::string_view> tlds_;  // number - 1
  std::vector<std::uint8_t> tld_table_; // open addressing over tlds_, 512 slots
};

} // namespace weir::rules
