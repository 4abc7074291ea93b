// SPDX-License-Identifier: Apache-2.0
//
// StoredFilter: the filter language (log/filter.h) over stored responses: `host = shop.example and
// age > 1h and mime = image/*`. For `cache ls` and purges. Value, immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/bans.h"
#include "log/filter.h"

namespace weir::admin {

/// Of a stored head: the type alone, without parameters; empty: it says none.
std::string_view media_type(std::string_view head);

class StoredFilter final : public cache::BanTest {
public:
  /// Empty text matches everything. Null: `why` says what is wrong.
  static std::shared_ptr<const StoredFilter> parse(std::string_view text, log::FilterError& why);
  explicit StoredFilter(log::Filter filter) : filter_(std::move(filter)) {}

  bool matches(const cache::Subject& subject, WallTime at) const override;
  /// The one name it asks for, if it asks for nothing else: `tag = x`, `host = y`.
  struct Name {
    cache::MarkKind kind = cache::MarkKind::tag;
    std::string text;
  };
  std::optional<Name> single_name() const;

private:
  log::Filter filter_;
};

/// All URLs that begin so.
class PrefixTest final : public cache::BanTest {
public:
  /// `target`: what the path begins with.
  PrefixTest(std::string realm, std::string scheme, std::string host, std::uint16_t port,
             std::string target);
  bool matches(const cache::Subject& subject, WallTime at) const override;

private:
  const std::string realm_; // empty: any
  const std::string scheme_;
  const std::string host_;
  const std::uint16_t port_;
  const std::string target_;
};

} // namespace weir::admin
