// SPDX-License-Identifier: Apache-2.0
#include "http/conditional.h"

#include <algorithm>

#include "http/chars.h"

namespace weir::http {

EntityTag read_entity_tag(std::string_view text) noexcept {
  EntityTag tag{text, false, false};
  if (tag.opaque.starts_with("W/")) { // letter case counts
    tag.opaque.remove_prefix(2);
    tag.weak = true;
  }
  const std::string_view q = tag.opaque;
  tag.valid = q.size() >= 2 && q.front() == '"' && q.back() == '"' &&
              std::all_of(q.begin() + 1, q.end() - 1, [](char c) { return is(kTagChar, c); });
  return tag.valid ? tag : EntityTag{text, false, false};
}

bool weak_match(std::string_view a, std::string_view b) noexcept {
  EntityTag x = read_entity_tag(a);
  EntityTag y = read_entity_tag(b);
  return x.valid == y.valid && x.opaque == y.opaque && !x.opaque.empty();
}

bool strong_match(std::string_view a, std::string_view b) noexcept {
  EntityTag x = read_entity_tag(a);
  EntityTag y = read_entity_tag(b);
  return x.valid && y.valid && !x.weak && !y.weak && x.opaque == y.opaque;
}

std::optional<std::string_view> TagReader::next() noexcept {
  while (true) {
    std::size_t i = 0;
    while (i < rest_.size() && (rest_[i] == ',' || rest_[i] == ' ' || rest_[i] == '\t')) {
      ++i;
    }
    rest_.remove_prefix(i);
    if (!rest_.empty()) {
      break;
    }
    while (at_ != nullptr && at_ != end_ && at_->id != id_) {
      ++at_;
    }
    if (at_ == nullptr || at_ == end_) {
      return {};
    }
    rest_ = (at_++)->value;
  }
  std::size_t end = rest_.starts_with("W/") ? 2 : 0;
  if (end < rest_.size() && rest_[end] == '"') {
    auto close = rest_.find('"', end + 1);
    end = close != std::string_view::npos ? close + 1 : rest_.size();
  }
  end = std::min(rest_.find(',', end), rest_.size());
  auto tag = trim(rest_.substr(0, end));
  rest_.remove_prefix(end);
  return tag;
}

Condition evaluate_conditions(const Fields& request, const Validators& stored,
                              WallTime now) noexcept {
  if (request.has(FieldId::if_none_match)) {
    TagReader tags(request, FieldId::if_none_match);
    while (auto tag = tags.next()) {
      if (*tag == "*" || (!stored.etag.empty() && weak_match(*tag, stored.etag))) {
        return Condition::not_modified;
      }
    }
    return Condition::modified;
  }
  if (request.count(FieldId::if_modified_since) != 1) {
    return Condition::none; // none, or no single date (RFC 9110 §13.1.3)
  }
  auto since = parse_http_date(request.value(FieldId::if_modified_since), now);
  if (!since) {
    return Condition::none;
  }
  return stored.last_modified.value_or(stored.date) <= *since ? Condition::not_modified
                                                              : Condition::modified;
}

bool may_use_range(const Fields& request, const Validators& stored, WallTime now) noexcept {
  if (!request.has(FieldId::if_range)) {
    return true;
  }
  if (request.count(FieldId::if_range) != 1) {
    return false;
  }
  auto condition = request.value(FieldId::if_range);
  if (read_entity_tag(condition).valid) {
    return strong_match(condition, stored.etag);
  }
  // A date is a strong validator when the response was made at least a second after the change
  // (RFC 9110 §8.8.2.2).
  auto date = parse_http_date(condition, now);
  return date && stored.last_modified == date &&
         stored.date >= *stored.last_modified + std::chrono::seconds(1);
}

} // namespace weir::http
