// SPDX-License-Identifier: Apache-2.0
#include "admin/stored_filter.h"

#include <algorithm>
#include <array>

#include "cache/key.h"
#include "cache/rfc9111.h"
#include "http/media_type.h"

namespace weir::admin {
namespace {

using log::Kind;

enum class Field : std::uint8_t {
  url,
  scheme,
  host,
  port,
  path,
  place,
  status,
  mime,
  size,
  age,
  ttl,
  tag,
  etag,
  count_
};
constexpr std::array<log::ColumnInfo, static_cast<std::size_t>(Field::count_)> kFields = {{
    {Kind::text, "url", "the URL it is stored for"},
    {Kind::word, "scheme", "http or https"},
    {Kind::dict, "host", "the host of the URL"},
    {Kind::integer, "port", "the port of the URL"},
    {Kind::text, "path", "the path of the URL, with its query"},
    {Kind::word, "place", "the forward or the site that stored it"},
    {Kind::integer, "status", "the status of the response"},
    {Kind::dict, "mime", "its media type, without parameters"},
    {Kind::bytes, "size", "the bytes of its body"},
    {Kind::duration, "age", "the time since the origin made it"},
    {Kind::duration, "ttl", "how long it is fresh; below zero: stale"},
    {Kind::text, "tag", "one of its tags"},
    {Kind::text, "etag", "its entity tag"},
}};

class SubjectFacts final : public log::FilterFacts {
public:
  SubjectFacts(const cache::Subject& subject, WallTime at)
      : subject_(subject), parts_(cache::key_parts(subject.key)), at_(at) {}

  std::int64_t number(std::size_t field) const override {
    Duration age = std::max(at_ - subject_.born, Duration::zero());
    switch (static_cast<Field>(field)) {
    case Field::port:
      return parts_.port;
    case Field::status:
      return subject_.status;
    case Field::size:
      return static_cast<std::int64_t>(subject_.body_size);
    case Field::age:
      return age.count();
    case Field::ttl:
      return (subject_.lifetime - age).count();
    case Field::url:
    case Field::scheme:
    case Field::host:
    case Field::path:
    case Field::place:
    case Field::mime:
    case Field::tag:
    case Field::etag:
    case Field::count_:
      break;
    }
    return 0;
  }

  bool any_text(std::size_t field, const log::TextTest& test) const override {
    switch (static_cast<Field>(field)) {
    case Field::url:
      return test.matches(cache::key_url(subject_.key));
    case Field::scheme:
      return test.matches(parts_.scheme);
    case Field::host:
      return test.matches(parts_.host);
    case Field::path:
      return test.matches(parts_.target);
    case Field::place:
      return test.matches(parts_.realm);
    case Field::mime:
      return test.matches(media_type(subject_.head));
    case Field::etag:
      return test.matches(cache::stored_value(subject_.head, http::FieldId::etag));
    case Field::tag:
      for (const std::string& tag : subject_.tags) {
        if (test.matches(tag)) {
          return true;
        }
      }
      return false;
    case Field::port:
    case Field::status:
    case Field::size:
    case Field::age:
    case Field::ttl:
    case Field::count_:
      break;
    }
    return false;
  }

private:
  const cache::Subject& subject_;
  const cache::KeyParts parts_;
  const WallTime at_;
};

} // namespace

std::string_view media_type(std::string_view head) {
  return http::media_type(cache::stored_value(head, http::FieldId::content_type));
}

std::shared_ptr<const StoredFilter> StoredFilter::parse(std::string_view text,
                                                        log::FilterError& why) {
  auto filter = log::Filter::parse(text, Clock::wall(), why, kFields);
  return filter ? std::make_shared<const StoredFilter>(std::move(*filter)) : nullptr;
}

bool StoredFilter::matches(const cache::Subject& subject, WallTime at) const {
  return filter_.matches(SubjectFacts(subject, at));
}

std::optional<StoredFilter::Name> StoredFilter::single_name() const {
  auto single = filter_.single_text();
  if (!single) {
    return std::nullopt;
  }
  if (single->field == static_cast<std::size_t>(Field::tag)) {
    return Name{cache::MarkKind::tag, std::string(single->text)};
  }
  if (single->field == static_cast<std::size_t>(Field::host)) {
    return Name{cache::MarkKind::host, std::string(single->text)};
  }
  return std::nullopt;
}

PrefixTest::PrefixTest(std::string realm, std::string scheme, std::string host, std::uint16_t port,
                       std::string target)
    : realm_(std::move(realm)), scheme_(std::move(scheme)), host_(std::move(host)), port_(port),
      target_(std::move(target)) {}

bool PrefixTest::matches(const cache::Subject& subject, WallTime) const {
  cache::KeyParts parts = cache::key_parts(subject.key);
  return (realm_.empty() || parts.realm == realm_) && parts.scheme == scheme_ &&
         parts.host == host_ && parts.port == port_ && parts.target.starts_with(target_);
}

} // namespace weir::admin
