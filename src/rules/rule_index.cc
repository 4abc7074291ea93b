// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_index.h"

#include <algorithm>

#include "rules/list_reader.h"

namespace weir::rules {

using config::Condition;
using config::ConditionKind;
using config::HostPattern;

namespace {

void put(Numbers& numbers, std::uint32_t number) {
  if (numbers.empty() || numbers.back() != number) {
    numbers.push_back(number);
  }
}

/// Names alone: an expression may match anything, an address what the host resolves to.
bool is_name(const HostPattern& pattern) {
  return pattern.kind == HostPattern::Kind::subdomains || pattern.kind == HostPattern::Kind::both ||
         (pattern.kind == HostPattern::Kind::exact && !read_prefix(pattern.text));
}

/// An IPv6 block that only wraps an IPv4 one has two spellings, of which PrefixSet keeps one.
bool has_one_spelling(const Prefix& block) {
  return block.base().is_v4() || block.base().unwrapped().is_v6();
}

const Numbers* find_in(const NumbersByText& texts, std::string_view text) {
  auto found = texts.find(text);
  return found != texts.end() ? &found->second : nullptr;
}

} // namespace

std::size_t RuleIndex::LooseHash::operator()(std::string_view text) const noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U; // FNV-1a
  for (char c : text) {
    hash = (hash ^ static_cast<unsigned char>(http::lower(c))) * 0x100000001b3U;
  }
  return hash;
}

bool RuleIndex::LooseEqual::operator()(std::string_view a, std::string_view b) const noexcept {
  return http::iequals(a, b);
}

RuleIndex::RuleIndex(std::span<const config::RuleDecl* const> rules) {
  std::map<Prefix, Numbers> clients;
  filled_ = rules.size() > kFew;
  for (std::uint32_t i = 0; filled_ && i < rules.size(); ++i) {
    const Condition* best = nullptr;
    for (const Condition& each : rules[i]->conditions) {
      if (worth(each) > (best != nullptr ? worth(*best) : 0)) {
        best = &each;
      }
    }
    if (best != nullptr) {
      add(*best, i, clients);
    } else {
      others_.push_back(i);
    }
  }
  nest_blocks(std::move(clients));
}

/// How well a condition tells requests apart; 0: the index cannot ask it.
int RuleIndex::worth(const Condition& condition) {
  if (condition.kind == ConditionKind::host) {
    return std::all_of(condition.hosts.begin(), condition.hosts.end(), is_name) ? 4 : 0;
  }
  if (condition.kind == ConditionKind::path) {
    int least = 3;
    for (const auto& pattern : condition.paths) {
      auto key = PathIndex::key_of(pattern);
      least = !key ? 0 : *key == "/" ? std::min(least, 1) : least;
    }
    return least;
  }
  if (condition.kind == ConditionKind::header) {
    return condition.regexes.empty() ? 2 : 0;
  }
  if (condition.kind == ConditionKind::client) {
    const auto& blocks = condition.prefixes;
    return std::all_of(blocks.begin(), blocks.end(), has_one_spelling) ? 2 : 0;
  }
  return condition.kind == ConditionKind::method ? 1 : 0;
}

void RuleIndex::add(const Condition& condition, std::uint32_t number,
                    std::map<Prefix, Numbers>& clients) {
  for (const Prefix& block : condition.prefixes) {
    put(clients[block], number);
  }
  for (const HostPattern& pattern : condition.hosts) {
    if (pattern.kind != HostPattern::Kind::subdomains) {
      put(hosts_[pattern.text], number);
    }
    if (pattern.kind != HostPattern::Kind::exact) {
      put(under_[pattern.text], number);
    }
  }
  for (const auto& pattern : condition.paths) {
    paths_.add(*PathIndex::key_of(pattern), number);
  }
  if (condition.kind == ConditionKind::method) {
    for (const auto& text : condition.texts) {
      put(methods_[text], number);
    }
  }
  if (condition.kind == ConditionKind::header) {
    OfField& field = fields_[condition.field];
    for (const auto& text : condition.texts) {
      put(field.values[text], number);
    }
    if (condition.texts.empty()) {
      put(field.present, number);
    }
  }
}

/// PrefixSet finds the least block that holds an address; the greater ones hang on it.
void RuleIndex::nest_blocks(std::map<Prefix, Numbers> clients) {
  std::vector<PrefixEntry> entries;
  for (auto& [block, numbers] : clients) {
    entries.push_back({block, static_cast<std::uint32_t>(blocks_.size())});
    blocks_.push_back({std::move(numbers)});
  }
  clients_ = PrefixSet(std::move(entries));
  std::vector<const PrefixEntry*> around; // each holds those after it
  for (const PrefixEntry& entry : clients_.entries()) {
    while (!around.empty() && !around.back()->prefix.contains(entry.prefix.base())) {
      around.pop_back();
    }
    blocks_[entry.line].around = around.empty() ? kNone : around.back()->line;
    around.push_back(&entry);
  }
}

void RuleIndex::find_client(const Address& client, Candidates& found) const {
  const PrefixEntry* entry = clients_.find(client);
  for (std::uint32_t i = entry != nullptr ? entry->line : kNone; i != kNone;
       i = blocks_[i].around) {
    found.add(blocks_[i].numbers);
  }
}

void RuleIndex::find(const Question& question, Candidates& found) const {
  found.add(others_);
  if (!hosts_.empty() || !under_.empty()) {
    find_host(question.host, found);
  }
  if (!question.facts.path.empty()) { // a tunnel has none
    paths_.find(question.path.view(),
                [&](std::span<const std::uint32_t> numbers) { found.add(numbers); });
  }
  if (!clients_.empty()) {
    find_client(question.facts.client, found);
    find_client(question.facts.client.unwrapped(), found); // once more, if it is IPv4: no matter
  }
  if (const Numbers* numbers = find_in(methods_, question.facts.method)) {
    found.add(*numbers);
  }
  if (!fields_.empty() && question.facts.fields != nullptr) {
    find_fields(*question.facts.fields, found);
  }
}

void RuleIndex::find_host(std::string_view host, Candidates& found) const {
  if (const Numbers* numbers = find_in(hosts_, host)) {
    found.add(*numbers);
  }
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    if (const Numbers* numbers = find_in(under_, host.substr(dot + 1))) {
      found.add(*numbers);
    }
  }
}

void RuleIndex::find_fields(const http::Fields& fields, Candidates& found) const {
  for (const http::Field& field : fields) {
    auto own = fields_.find(field.name);
    if (own == fields_.end()) {
      continue;
    }
    found.add(own->second.present);
    if (auto value = own->second.values.find(field.value); value != own->second.values.end()) {
      found.add(value->second);
    }
  }
}

RuleIndex::Candidates::Candidates(const RuleIndex* index, const Question& question,
                                  std::size_t rules)
    : rules_(rules), all_(true) {
  if (index != nullptr && !index->empty()) {
    all_ = false;
    index->find(question, *this);
  }
}

/// More values than there is room for: then all rules are asked, which is never wrong.
void RuleIndex::Candidates::add(std::span<const std::uint32_t> numbers) noexcept {
  if (numbers.empty()) {
    return;
  }
  if (count_ == kMost) {
    all_ = true;
    return;
  }
  left_[count_++] = {numbers.data(), numbers.data() + numbers.size()};
}

std::size_t RuleIndex::Candidates::next() noexcept {
  if (all_) {
    return at_ < rules_ ? at_++ : rules_;
  }
  std::size_t least = rules_;
  for (std::size_t i = 0; i < count_; ++i) {
    Run& run = left_[i];
    while (run.begin != run.end && *run.begin < at_) { // given already, from under another value
      ++run.begin;
    }
    if (run.begin != run.end) {
      least = std::min<std::size_t>(least, *run.begin);
    }
  }
  at_ = least + 1;
  return least;
}

} // namespace weir::rules
