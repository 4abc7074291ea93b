// SPDX-License-Identifier: Apache-2.0
//
// RuleIndex: which of many rules may match a request, so that those whose host, path, client,
// method or field it does not have are not even looked at. Immutable once filled; any thread.
//
// A rule stands under the values of one of its conditions, the one that tells most. All conditions
// of a rule must hold, so a rule is passed by only where that condition is certainly not met: what
// is unknown (CONFIG.md rule 14) is never a reason. Rules with none that the index knows (an
// expression, a list, a schedule, an address) are always asked, one by one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/rule_decl.h"
#include "rules/condition.h"
#include "rules/path_index.h"
#include "rules/prefix_set.h"

namespace weir::rules {

class RuleIndex {
public:
  static constexpr std::size_t kFew = 8; // rules that are asked one by one

  RuleIndex() = default;
  /// Of rules 0, 1, ... as they are asked; stays empty if they are few.
  explicit RuleIndex(std::span<const config::RuleDecl* const> rules);
  bool empty() const noexcept { return !filled_; }

  /// The numbers of the rules to ask, ascending, each once; without an index all of them. On the
  /// stack of who asks.
  class Candidates {
  public:
    Candidates(const RuleIndex* index, const Question& question, std::size_t rules);
    /// The next, or the number of rules: there is none.
    std::size_t next() noexcept;

  private:
    friend class RuleIndex;
    static constexpr std::size_t kMost = 32; // values of a request that rules stand under
    void add(std::span<const std::uint32_t> numbers) noexcept;

    std::size_t rules_;
    bool all_;
    std::size_t at_ = 0; // the least that may come next
    std::size_t count_ = 0;
    struct Run {
      const std::uint32_t* begin;
      const std::uint32_t* end;
    };
    std::array<Run, kMost> left_; // the first count_ of them; the others are not made
  };

private:
  struct LooseHash { // letter case ignored
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept;
  };
  struct LooseEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  struct OfField {
    Numbers present; // the field is there
    std::unordered_map<std::string, Numbers, LooseHash, LooseEqual> values;
  };

  /// A block of addresses that rules stand under; `around`: the next greater one that holds it.
  struct Block {
    Numbers numbers;
    std::uint32_t around = kNone;
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  static int worth(const config::Condition& condition);
  void add(const config::Condition& condition, std::uint32_t number,
           std::map<Prefix, Numbers>& clients);
  void find(const Question& question, Candidates& found) const;
  void nest_blocks(std::map<Prefix, Numbers> clients);
  void find_client(const Address& client, Candidates& found) const;
  void find_host(std::string_view host, Candidates& found) const;
  void find_fields(const http::Fields& fields, Candidates& found) const;

  bool filled_ = false;
  NumbersByText hosts_; // the host itself
  NumbersByText under_; // a parent of it
  NumbersByText methods_;
  PrefixSet clients_; // an entry's line is its number in blocks_
  std::vector<Block> blocks_;
  PathIndex paths_;
  std::unordered_map<std::string, OfField, LooseHash, LooseEqual> fields_;
  Numbers others_; // always asked
};

} // namespace weir::rules
