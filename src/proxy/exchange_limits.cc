// SPDX-License-Identifier: Apache-2.0
//
// What limits do to an Exchange: whether it may go on, how fast, and until when.
#include "metrics/metrics.h"
#include "proxy/exchange.h"
#include "proxy/metering.h"
#include "proxy/resources.h"

namespace weir::proxy {

using metrics::Metric;

namespace {

constexpr std::string_view kTunnel = "tunnel"; // the kind of record

/// Counts a request in a limit's rate. False: there were too many.
bool take_rate(rules::Limits& limits, const config::LimitDecl& limit, std::string_view key,
               rules::LimitTold& told) {
  rules::RateAnswer answer = limits.take(rules::rate_of(limit), key, Clock::mono());
  if (!answer.allowed || told.rate_of == nullptr || answer.left < told.rate.left) {
    told.rate_of = &limit;
    told.rate = answer;
  }
  if (!answer.allowed) {
    limits.count(limit.name, {1, 0, 0});
    metrics::count(Metric::limits_refused);
  }
  return answer.allowed;
}

/// Whether there is something left of a limit's quota.
bool look_at_quota(rules::Limits& limits, const config::LimitDecl& limit,
                   const rules::MeterUse& meter, rules::LimitTold& told) {
  rules::QuotaAnswer answer = limits.meters().quota(meter, Clock::wall());
  if (answer.spent() || told.quota_of == nullptr || answer.left < told.quota.left) {
    told.quota_of = &limit;
    told.quota = answer;
  }
  if (answer.spent()) {
    limits.count(limit.name, {0, 1, 0});
    metrics::count(Metric::quota_refused);
  }
  return !answer.spent();
}

} // namespace

/// The rules let it pass as far as is known, and no limit is exceeded. What is denied is not
/// counted.
bool Exchange::may_go_on() {
  bool allowed = ask_rules(*route_->rules, {}, false);
  limited_ = verdict_.action != rules::Action::deny && !is_within_limits();
  return allowed && !limited_;
}

/// Counts the request in the limits that matched, each in its turn, and holds it to those of bytes.
/// False: in one of them there were too many, and that rule is what decided.
bool Exchange::is_within_limits() {
  const rules::RuleSet& set = *route_->rules;
  rules::LimitTold told;
  bool within = true;
  for (std::size_t i = 0; i < verdict_.limited_count && within; ++i) {
    std::size_t rule = verdict_.limited[i];
    const config::LimitDecl& limit = generation_->config->limits[set.decl(rule).limit.index];
    std::string_view key = rules::limit_key(limit, facts_, arena_);
    if (limit.count != 0 && !take_rate(resources_.limits, limit, key, told)) {
      record_.end = "limited";
      within = false;
    } else if (limit.bandwidth != 0 || limit.quota != 0) {
      rules::MeterUse meter = resources_.limits.meters().use(limit, key, Clock::mono());
      if (meter && limit.quota != 0 && !look_at_quota(resources_.limits, limit, meter, told)) {
        record_.end = "quota";
        within = false;
      } else if (meter) {
        if (!metering_) {
          metering_ = std::make_unique<Metering>(resources_.loop, resources_.limits);
        }
        metering_->add(limit, std::move(meter));
      }
    }
    if (!within) {
      verdict_.decl = &set.decl(rule);
      verdict_.where = set.where(rule);
      verdict_.list = {};
      record_.limit_name = limit.name;
      metering_.reset(); // the refusal itself is not held back
    }
  }
  own_fields_ = rules::limit_fields(told, arena_);
  return within;
}

/// Bytes have gone, or, of a tunnel, have come. `count` is the sum that they belong to.
void Exchange::meter(std::uint64_t& count, std::uint64_t bytes) {
  count += bytes;
  bool tunnel = record_.kind == kTunnel;
  if (&count == &bytes_out_ || tunnel) {
    metering_->count(bytes);
  }
  if (tunnel && metering_->spent() != nullptr) {
    resources_.loop.wake(*this); // nobody may pull soon
  }
}

/// A response under way is finished when the quota is used up: cut, it would be asked for again. A
/// tunnel has no end to wait for.
Pull Exchange::pull_metered(OutQueue& out, std::size_t room) {
  if (record_.kind == kTunnel && metering_->spent() != nullptr) {
    error_ = {Code::quota, Side::self};
    resources_.limits.count(metering_->spent()->name, {0, 1, 0});
    metrics::count(Metric::quota_cut);
    return Pull::failed;
  }
  std::size_t most = metering_->room_now(room, *this);
  if (most == 0) {
    // A fetch is to know that it is pulled and there is no room: it would wake us for each byte.
    Pull got = std::holds_alternative<std::unique_ptr<Fetch>>(source_) && !coded_
                   ? pull_source(out, 0)
                   : Pull::blocked;
    return got == Pull::failed || got == Pull::end ? got : Pull::blocked;
  }
  std::size_t before = out.bytes();
  Pull got = coded_ ? pull_coded(out, most) : pull_source(out, most);
  metering_->pulled(out.bytes() - before);
  return got;
}

void Exchange::note_metering() {
  record_.throttled = metering_->waited().count();
  const config::LimitDecl* limit =
      error_.code == Code::quota ? metering_->spent() : metering_->slowest();
  if (limit != nullptr) {
    record_.limit_name = limit->name;
  }
}

} // namespace weir::proxy
